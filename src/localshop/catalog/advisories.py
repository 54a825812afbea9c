"""Advisories of OSV: a row for each, and one for each project that it is about.

There are some 25,000, nearly all with one project. A page reads those about its project by an index;
an import reads all digests (some MB), and writes only what has become another.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import F

from localshop.errors import BadInput
from localshop.policies.records import Finding
from localshop.protocol.affected import Affected
from localshop.protocol.names import normalise
from localshop.protocol.osv import Advisory as Told

from . import alarms
from .journal import Actor, note
from .models import AdvisedProject, Advisory, DownloadedFile, Feed, Project
from .portions import MOST, portions
from .records import AdvisoryRecord

_LONGEST_SUMMARY = 500
_ADD_ADVISORY = """
    INSERT INTO catalog_advisory (name, modified, withdrawn, malicious, severity, summary, digest, body)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_FINDINGS = """
    SELECT one.project, one.affected, told.name, told.malicious, told.severity, told.summary
    FROM catalog_advisedproject one JOIN catalog_advisory told ON told.id = one.advisory_id
    WHERE one.project IN ({}) ORDER BY told.name
"""
_ADD_PROJECT = "INSERT INTO catalog_advisedproject (advisory_id, project, affected) VALUES (%s, %s, %s)"


@dataclass(frozen=True, slots=True)
class News:
    """An advisory that is new, or is another one than before, as small as it can be: there may be 25,000.

    ``packed`` is its record, by zlib; ``affected`` are JSON, by project.
    """

    name: str
    modified: str
    withdrawn: str
    malicious: bool
    severity: float | None
    summary: str
    affected: Mapping[str, str]
    digest: str
    packed: bytes


def news_of(told: Told, body: bytes, *, digest: str) -> News:
    """What is kept of a record."""
    return News(
        name=told.id,
        modified=told.modified,
        withdrawn=told.withdrawn[:40],
        malicious=told.malicious,
        severity=told.severity,
        summary=" ".join(told.summary.split())[:_LONGEST_SUMMARY],
        affected={project: json.dumps(one.told()) for project, one in told.affected.items()},
        digest=digest,
        packed=zlib.compress(body),
    )


def digests() -> dict[str, str]:
    """SHA-256 of the record of each advisory that is known."""
    return dict(Advisory.objects.values_list("name", "digest").iterator(chunk_size=5000))


def replace(news: Sequence[News], *, gone: Collection[str], actor: Actor, now: float) -> frozenset[str]:
    """Write down what has become another, all of it or nothing; gives the projects that it is about.

    Their pages are made again, in every repository, and alarms are raised for releases of theirs that
    are here or were given out.
    """
    changed = [one.name for one in news]
    with transaction.atomic():
        concerned = {project for one in news for project in one.affected}
        for some in portions([*changed, *gone]):
            old = Advisory.objects.filter(name__in=some)
            concerned |= set(
                AdvisedProject.objects.filter(advisory__in=old).values_list("project", flat=True)
            )
            old.delete()
        for start in range(0, len(news), MOST):
            _write(news[start : start + MOST])
        for some in portions(sorted(concerned)):
            Project.objects.filter(name__in=some).update(serial=F("serial") + 1)
        if news or gone:
            at = datetime.fromtimestamp(now, tz=UTC)
            detail = {"changed": len(changed), "gone": len(gone), "projects": len(concerned)}
            note("advisories-imported", actor, at=at, detail=detail)
        alarms.look_again(findings_of(_known(concerned)), now=now)
    return frozenset(concerned)


def findings_of(projects: Collection[str]) -> dict[str, list[Finding]]:
    """What advisories say of these projects (normalised names); of most they say nothing."""
    found: dict[str, list[Finding]] = {}
    for some in portions(projects):
        with connection.cursor() as cursor:
            # Every page that is made asks, and building the statement took longer than all the rest.
            cursor.execute(_FINDINGS.format(", ".join(["%s"] * len(some))), some)
            rows = cursor.fetchall()
        for project, affected, name, malicious, severity, summary in rows:
            finding = Finding(name, Affected.of(json.loads(affected)), bool(malicious), severity, summary)
            found.setdefault(project, []).append(finding)
    return found


def bodies(names: Collection[str]) -> dict[str, bytes]:
    """The records of these advisories, as OSV writes them."""
    found: dict[str, bytes] = {}
    for some in portions(names):
        rows = Advisory.objects.filter(name__in=some).values_list("name", "body")
        found.update((name, zlib.decompress(body)) for name, body in rows)
    return found


def modified(names: Collection[str]) -> dict[str, str]:
    """When each of these advisories was last changed."""
    found: dict[str, str] = {}
    for some in portions(names):
        found.update(Advisory.objects.filter(name__in=some).values_list("name", "modified"))
    return found


def advisory(name: str) -> AdvisoryRecord:
    """One advisory with its record; raises ``BadInput`` when there is none of this name."""
    row = Advisory.objects.filter(name=name).first()
    if row is None:
        raise BadInput(f"There is no advisory {name!r} here.")
    return _record(row, body=zlib.decompress(row.body))


def listed(*, project: str = "", malicious: bool = False, here: bool = False) -> Iterator[AdvisoryRecord]:
    """All advisories by name; ``here``: about projects that a repository mirrors."""
    rows = Advisory.objects.order_by("name")
    if project:
        rows = rows.filter(projects__project=normalise(project))
    if malicious:
        rows = rows.filter(malicious=True)
    if here:
        mirrored = Project.objects.filter(kind=Project.Kind.MIRRORED).values("name")
        rows = rows.filter(projects__project__in=mirrored).distinct()
    for row in rows.defer("body").prefetch_related("projects").iterator(chunk_size=MOST):
        yield _record(row)


def known_etag(url: str) -> str:
    """The ETag of what was last imported, if that came from this address."""
    row = Feed.objects.order_by("-at").first()
    return row.etag if row is not None and row.url == _digest(url) else ""


def imported_from(url: str, *, etag: str, now: float) -> None:
    """Note where advisories have just come from; "" when it was a file."""
    with transaction.atomic():
        values = {"etag": etag, "at": datetime.fromtimestamp(now, tz=UTC)}
        Feed.objects.update_or_create(url=_digest(url), defaults=values)


def _known(projects: Collection[str]) -> list[str]:
    """Those that a repository knows or has given out: of the others nothing is here."""
    found: set[str] = set()
    for some in portions(projects):
        found |= set(Project.objects.filter(name__in=some).values_list("name", flat=True))
        found |= set(DownloadedFile.objects.filter(project__in=some).values_list("project", flat=True))
    return sorted(found)


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _write(news: Sequence[News]) -> None:
    """A portion of them, by statements of our own: the first import would else hold the lock for long."""
    with connection.cursor() as cursor:
        cursor.executemany(
            _ADD_ADVISORY,
            [
                (
                    *(one.name, one.modified, one.withdrawn, one.malicious, one.severity),
                    *(one.summary, one.digest, one.packed),
                )
                for one in news
            ],
        )
        ids = dict(Advisory.objects.filter(name__in=[one.name for one in news]).values_list("name", "id"))
        cursor.executemany(
            _ADD_PROJECT,
            [
                (ids[one.name], project, affected)
                for one in news
                for project, affected in one.affected.items()
            ],
        )


def _record(row: Advisory, *, body: bytes = b"") -> AdvisoryRecord:
    affected: Mapping[str, Affected] = {one.project: Affected.of(one.affected) for one in row.projects.all()}
    return AdvisoryRecord(
        name=row.name,
        modified=row.modified,
        withdrawn=row.withdrawn,
        malicious=row.malicious,
        severity=row.severity,
        summary=row.summary,
        affected=affected,
        body=body,
    )
