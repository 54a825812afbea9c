"""Projects and what upstreams say of them: look-ups and changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import F

from . import alarms
from .durability import fetched_again
from .inserts import insert, insert_or_replace
from .models import File, Project, ShelvedPage, UpstreamPage
from .records import Bad, ProjectRecord, UpstreamPageRecord

_BECOME = """
    UPDATE catalog_project SET kind = %s, listed = %s, serial = serial + %s WHERE id = %s AND kind = ''
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a trip to one upstream brought home.

    ``page`` None: it said nothing new, or nothing at all; then ``error`` tells which. ``filenames`` are those
    on the page.
    """

    upstream_id: int
    page: UpstreamPageRecord | None
    error: str = ""
    filenames: frozenset[str] = frozenset()


def project(repository_id: int, name: str) -> ProjectRecord | None:
    """The project of this normalised name, if the repository knows it."""
    row = Project.objects.filter(repository_id=repository_id, name=name).first()
    return _record(row) if row else None


def projects_of(repository_id: int) -> list[ProjectRecord]:
    """All projects that the repository knows."""
    return [_record(row) for row in Project.objects.filter(repository_id=repository_id).iterator()]


def kinds(repository_id: int, names: Collection[str]) -> dict[str, str]:
    """What kind each of these projects is, of those that the repository knows."""
    rows = Project.objects.filter(repository_id=repository_id, name__in=names)
    return dict(rows.values_list("name", "kind"))


def listed_names(repository_id: int) -> list[str]:
    """The normalised names that the project list shows, in order."""
    rows = Project.objects.filter(repository_id=repository_id, listed=True).order_by("name")
    return list(rows.values_list("name", flat=True))


def upstream_pages(project_id: int) -> dict[int, UpstreamPageRecord]:
    """What each upstream (by id) last said of this project."""
    rows = UpstreamPage.objects.filter(project_id=project_id)
    return {
        row.upstream_id: UpstreamPageRecord(
            upstream_id=row.upstream_id,
            document=bytes(row.document),
            digest=row.digest,
            etag=row.etag,
            last_modified=row.last_modified,
            serial=row.serial,
            error=row.error,
            changed=row.changed.timestamp(),
        )
        for row in rows
    }


def save_findings(
    repository_id: int,
    name: str,
    *,
    findings: Sequence[Finding],
    now: float,
    fresh_until: float,
    listed: bool,
    status: str = "active",
    status_reason: str = "",
    bad: Sequence[Bad] = (),
) -> ProjectRecord:
    """Write down what a trip to the upstreams found; the project's row is made if need be.

    ``bad``: what turned out bad with it, for alarms.

    The serial goes up only when a document became another, so that an unchanged page stays on the
    shelf and keeps its ETag.
    """
    moment = datetime.fromtimestamp(now, tz=UTC)
    with fetched_again():
        row = Project(repository_id=repository_id, name=name, fresh_until=fresh_until, listed=listed)
        row.status, row.status_reason = status, status_reason
        if insert(row):
            for finding in findings:
                if finding.page is not None:
                    insert(_first_page(row, finding, moment))
            return _record(row)
        row = Project.objects.get(repository_id=repository_id, name=name)
        changed = (row.listed, row.status, row.status_reason) != (listed, status, status_reason)
        known = {one.upstream_id: one for one in UpstreamPage.objects.filter(project=row)}
        for finding in findings:
            changed |= _save_finding(row, known.get(finding.upstream_id), finding, moment)
        Project.objects.filter(id=row.id).update(
            fresh_until=fresh_until,
            listed=listed,
            status=status,
            status_reason=status_reason,
            serial=F("serial") + (1 if changed else 0),
        )
        row.refresh_from_db()
        alarms.raise_alarms(bad, now=now, again=True)
    return _record(row)


def _first_page(row: Project, finding: Finding, moment: datetime) -> UpstreamPage:
    page = finding.page
    assert page is not None
    return UpstreamPage(
        project=row,
        upstream_id=finding.upstream_id,
        document=page.document,
        digest=page.digest,
        etag=page.etag,
        last_modified=page.last_modified,
        serial=page.serial,
        checked=moment,
        changed=moment,
        error="",
    )


def _save_finding(row: Project, known: UpstreamPage | None, finding: Finding, moment: datetime) -> bool:
    page = finding.page
    if page is None:
        if known is not None:
            known.error = finding.error
            if not finding.error:
                known.checked = moment
            known.save(update_fields=["error", "checked"])
        return False
    changed = known is None or known.digest != page.digest
    known = known or UpstreamPage(project=row, upstream_id=finding.upstream_id)
    if changed:
        _mark_gone(row.id, finding, moment)
        known.document = page.document
        known.digest = page.digest
    if changed or known.changed > moment:
        # A time that is still to come is of a clock that has been set back since.
        known.changed = moment
    known.etag = page.etag
    known.last_modified = page.last_modified
    known.serial = page.serial
    known.checked = moment
    known.error = ""
    known.save()
    return changed


def _mark_gone(project_id: int, finding: Finding, moment: datetime) -> None:
    """Note which files their upstream has no more, and which it has again."""
    came_from = File.objects.filter(project_id=project_id, upstream_id=finding.upstream_id)
    for file in came_from.only("filename", "gone"):
        listed = file.filename in finding.filenames
        if listed != (file.gone is None):
            file.gone = None if listed else moment.timestamp()
            file.save(update_fields=["gone"])


def become(project_id: int, kind: str) -> None:
    """Decide once where a project comes from; a decided one stays as it is.

    A mirrored one shows what it showed before, so its page stays on the shelf.
    """
    newer = 0 if kind == Project.Kind.MIRRORED else 1
    with transaction.atomic(), connection.cursor() as cursor:
        # The first file of each project asks, and those of a first installation come by the hundred.
        cursor.execute(_BECOME, [kind, True, newer, project_id])


def save_page(
    project_id: int,
    form: str,
    *,
    serial: int,
    recipe: str,
    good_from: float,
    good_until: float | None,
    digest: str,
    body: bytes,
) -> None:
    """Put a rendered page (gzip) on the shelf, unless one of a newer serial lies there."""
    with fetched_again():
        page = ShelvedPage(
            project_id=project_id,
            form=form,
            serial=serial,
            recipe=recipe,
            good_from=good_from,
            good_until=good_until,
            digest=digest,
            body=body,
        )
        insert_or_replace(page, unique=["project_id", "form"], only="old.serial <= excluded.serial")


def _record(row: Project) -> ProjectRecord:
    return ProjectRecord(
        id=row.id,
        repository_id=row.repository_id,
        name=row.name,
        kind=row.kind,
        serial=row.serial,
        fresh_until=row.fresh_until,
        arrivals=row.arrivals,
        status=row.status,
        status_reason=row.status_reason,
        publisher=row.publisher,
    )
