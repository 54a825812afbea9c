"""Who was given which file: one row for each day, file and client, however often he came.

They are written in batches, by ``index.downloads``, and forgotten after some days, by the job ``tidy``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Sum

from localshop.protocol.filenames import candidates, parse, version_or_none

from .models import Download, DownloadedFile, File
from .portions import portions
from .records import DownloadRecord, Given, GivenOutRecord, Tally

_A_DAY = 86_400
_FORGOTTEN_AT_ONCE = 5000
_ADD = """
    INSERT INTO catalog_download (file_id, day, username, credential, address, installer, amount, last)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (file_id, day, username, credential, address, installer) DO UPDATE SET
        amount = catalog_download.amount + excluded.amount,
        last = CASE WHEN excluded.last > catalog_download.last THEN excluded.last
            ELSE catalog_download.last END
"""


_Place = tuple[str, str, str]
"""Repository, path, file name."""


def note(given: Mapping[Given, Tally]) -> None:
    """Add to what is written down: all of it, or nothing when this raises."""
    with transaction.atomic():
        ids = _ids({(one.repository, one.path, one.filename) for one in given})
        rows = [
            (ids[one.repository, one.path, one.filename], _day(one.day), *one[4:], tally)
            for one, tally in given.items()
        ]
        # In one order, so that two processes never wait for each other's rows.
        rows.sort(key=lambda row: row[:-1])
        with connection.cursor() as cursor:
            adapt = connection.ops.adapt_datetimefield_value
            cursor.executemany(
                _ADD, [(*row[:-1], row[-1].amount, adapt(_moment(row[-1].last))) for row in rows]
            )


def amounts(repository: str, project: str, *, since: date) -> list[tuple[date, str, int]]:
    """How often each file of a project was given out, with its version, by day: only days on which it was."""
    files = DownloadedFile.objects.filter(repository=repository, project=project)
    versions = dict(files.values_list("id", "version"))
    # In the order of the index, so that nothing has to be sorted.
    rows = Download.objects.filter(file__in=files.values("id"), day__gte=since).values_list("file_id", "day")
    found = rows.annotate(all=Sum("amount")).order_by("file_id", "day")
    return [(day, versions.get(file_id, ""), amount) for file_id, day, amount in found]


def who(
    repository: str,
    project: str,
    *,
    version: str = "",
    filename: str = "",
    most: int,
    before: tuple[datetime, int] | None = None,
) -> list[DownloadRecord]:
    """Who was given files of a project, the last first: of one release or file, or of all.

    ``before`` is ``last`` and ``id`` of the record after which to go on. ``version`` may be written in
    any of the ways that PEP 440 normalises; 1.0 and 1.0.0 are still two.
    """
    rows = _of(repository, project)
    if version:
        rows = rows.filter(file__version=_normalised(version))
    if filename:
        rows = rows.filter(file__filename=filename)
    if before is not None:
        rows = rows.filter(Q(last__lt=before[0]) | Q(last=before[0], id__lt=before[1]))
    return [_record(row) for row in rows.select_related("file").order_by("-last", "-id")[:most]]


def given_out(repository: str, *, since: date) -> Iterator[GivenOutRecord]:
    """Each file of a repository that was given out since that day, once for each day, with how often."""
    rows = Download.objects.filter(file__repository=repository, day__gte=since)
    entry = File.objects.filter(
        repository__slug=repository, path=OuterRef("file__path"), filename=OuterRef("file__filename")
    )
    days = (
        rows.values_list("file__project", "file__version", "file__filename", "file__path", "day", named=False)
        .annotate(all=Sum("amount"), entry=Subquery(entry.values("entry")[:1]))
        .order_by("file__project", "file__filename", "file__path", "day")
    )
    for row in days.iterator(chunk_size=1000):
        yield GivenOutRecord(*row)


def forget(*, before: date) -> int:
    """Forget what was given out before that day, a few thousand rows at a time; how many rows went."""
    gone = 0
    while True:
        with transaction.atomic():
            old = Download.objects.filter(day__lt=before).values_list("id", flat=True)
            some = list(old[:_FORGOTTEN_AT_ONCE])
            Download.objects.filter(id__in=some).delete()
        gone += len(some)
        if len(some) < _FORGOTTEN_AT_ONCE:
            break
    with transaction.atomic():
        DownloadedFile.objects.filter(~Exists(Download.objects.filter(file=OuterRef("id")))).delete()
    return gone


def day_number(now: float) -> int:
    """The day of a moment (seconds since the epoch) as ``Given`` counts it."""
    return int(now // _A_DAY)


def first_day(now: float, *, kept: int) -> date:
    """The first of the days that are kept; ``now`` in seconds since the epoch."""
    return _moment(now).date() - timedelta(days=kept)


def _of(repository: str, project: str) -> QuerySet[Download]:
    return Download.objects.filter(file__repository=repository, file__project=project)


def _ids(places: set[_Place]) -> dict[_Place, int]:
    """The rows of these files, made if need be."""
    found = _known(places)
    missing = sorted(places - found.keys())
    if missing:
        projects = _projects(missing)
        rows = [_downloaded(place, projects.get(place)) for place in missing]
        # Another process may have been quicker.
        DownloadedFile.objects.bulk_create(rows, ignore_conflicts=True)
        found |= _known(set(missing))
    return found


def _known(places: set[_Place]) -> dict[_Place, int]:
    found: dict[_Place, int] = {}
    for some in portions({filename for _, _, filename in places}):
        rows = DownloadedFile.objects.filter(filename__in=some)
        for repository, path, filename, number in rows.values_list("repository", "path", "filename", "id"):
            found[repository, path, filename] = number
    return {place: found[place] for place in places if place in found}


def _projects(places: Collection[_Place]) -> dict[_Place, str]:
    """Which projects these files are of, as far as they have rows."""
    found: dict[_Place, str] = {}
    for some in portions({filename for _, _, filename in places}):
        rows = File.objects.filter(filename__in=some)
        for repository, path, filename, project in rows.values_list(
            "repository__slug", "path", "filename", "project__name"
        ):
            found[repository, path, filename] = project
    return found


def _downloaded(place: _Place, project: str | None) -> DownloadedFile:
    repository, path, filename = place
    if project is None:
        # Its row could not be written, or went at once: the name says it well enough.
        project = next(iter(candidates(filename)), "")
    said = parse(filename, project)
    version = _normalised(said.version) if said is not None else ""
    return DownloadedFile(
        repository=repository, project=project, version=version, path=path, filename=filename
    )


def _normalised(version: str) -> str:
    known = version_or_none(version)
    return str(known) if known is not None else version


def _day(number: int) -> date:
    return date(1970, 1, 1) + timedelta(days=number)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def _record(row: Download) -> DownloadRecord:
    return DownloadRecord(
        id=row.id,
        repository=row.file.repository,
        project=row.file.project,
        version=row.file.version,
        filename=row.file.filename,
        path=row.file.path,
        day=row.day,
        username=row.username,
        credential=row.credential,
        address=row.address,
        installer=row.installer,
        amount=row.amount,
        last=row.last,
    )
