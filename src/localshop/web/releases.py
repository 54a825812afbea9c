"""The releases of a project with their files, and where each of them stands."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from packaging.version import Version

from localshop.catalog import attestations, files, projects, queue
from localshop.catalog.attestations import Origin
from localshop.catalog.records import FileRecord, JobRecord, ProjectRecord, RepositoryRecord
from localshop.mirror.errands import mirror_key
from localshop.mirror.names import is_ours
from localshop.policies.records import Pass, Verdict
from localshop.protocol.document import Entry, entry_from_json
from localshop.protocol.filenames import parse, version_or_none
from localshop.shelf.hearing import Hearing, hearing
from localshop.shelf.parts import answering


@dataclass(frozen=True, slots=True)
class FileLine:
    """One file as the page shows it.

    ``hidden``: the verdict that keeps it from clients; ``verdicts``: all that is said of it, also by rules
    that are only watched; ``let_through``: the pass that lets it through all the same. ``standing``:
    ``here``, ``upstream``, ``fetching``, ``failed`` or ``lost``; ``why``: what its job said when it failed.
    ``gone``: since when its upstream has it no more. ``origin`` is what is known of where it was made.
    """

    entry: Entry
    version: str
    standing: str
    why: str = ""
    hidden: Verdict | None = None
    verdicts: Sequence[Verdict] = ()
    let_through: Pass | None = None
    gone: datetime | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """All files of one version."""

    version: str
    files: Sequence[FileLine]

    @property
    def yanked(self) -> bool:
        """Whether all of it was withdrawn."""
        return all(line.entry.yanked for line in self.files)

    @property
    def reason(self) -> str:
        """Why it was withdrawn, if anybody said so."""
        return next((one.entry.yanked for one in self.files if isinstance(one.entry.yanked, str)), "")

    @property
    def uploaded(self) -> str:
        """When its first file came, as a date; empty: nobody knows."""
        return min((line.entry.upload_time for line in self.files if line.entry.upload_time), default="")[:10]

    @property
    def missing(self) -> bool:
        """Whether some of it could be brought home."""
        return any(line.standing in {"upstream", "failed"} and not line.hidden for line in self.files)

    @property
    def publisher(self) -> str:
        """Who verifiably made it, if that is known of any of its files."""
        return next((one.origin.publisher for one in self.files if one.origin and one.origin.publisher), "")

    @property
    def hidden(self) -> bool:
        """Whether some of it is kept from clients."""
        return any(line.hidden for line in self.files)

    @property
    def let_through(self) -> Pass | None:
        """The pass that lets it through."""
        return next((line.let_through for line in self.files if line.let_through is not None), None)

    @property
    def held(self) -> bool:
        """Whether somebody holds it back by hand."""
        return any(verdict.slug == "held" for line in self.files for verdict in line.verdicts)

    @property
    def stored(self) -> bool:
        """Whether there is anything here to be deleted."""
        return any(line.standing in {"here", "lost"} for line in self.files)


def releases(repository: RepositoryRecord, found: ProjectRecord) -> list[Release]:
    """The releases, newest first, with all their files: those that are here and those upstream.

    As many queries for five files as for five thousand.
    """
    if found.kind != "private" and is_ours(repository, found.name, kind=found.kind):
        # Mirrored once, and its name is kept for our own since: clients see none of it either.
        return []
    lines = sorted(_lines(repository, found), key=_order, reverse=True)
    return [Release(version, tuple(group)) for version, group in groupby(lines, key=lambda one: one.version)]


def newest_first(every: Sequence[Release]) -> list[Entry]:
    """The files by how well their release stands for the project: final, not withdrawn ones first."""

    def early(release: Release) -> bool:
        version = version_or_none(release.version)
        return version is None or version.is_prerelease or release.yanked

    ordered = sorted(every, key=early)
    return [line.entry for release in ordered for line in release.files]


def doubt(every: Sequence[Release]) -> str:
    """Why the newest release may not come from who made those before; empty: nothing speaks against it.

    A project that proved where it is made, and does not any more, may be in other hands.
    """
    here = [release for release in every if release.stored and not release.yanked]
    if not here or not (before := next((one for one in here[1:] if one.publisher), None)):
        return ""
    newest = here[0]
    if newest.publisher == before.publisher:
        return ""
    made = f"{before.version} was verifiably made by {before.publisher}"
    if not newest.publisher:
        return f"{made}; nothing tells who made {newest.version}."
    return f"{made}, {newest.version} by {newest.publisher}."


def _lines(repository: RepositoryRecord, found: ProjectRecord) -> list[FileLine]:
    answer = None
    if found.kind != "private":
        answer = answering(repository, projects.upstream_pages(found.id))
    listed = {entry.filename: entry for entry in answer.document.files} if answer is not None else {}
    own = {
        row.filename: row
        for row in files.files_of(found.id)
        # What came from another upstream than the one that answers now is shown to no client either.
        if answer is None or row.upstream_id in {None, answer.upstream_id}
    }
    jobs = queue.jobs_by_key([mirror_key(row.id) for row in own.values() if row.blob is None])
    entries = {**listed, **{name: _own(row) for name, row in own.items() if _stays(row, found, listed)}}
    origins = attestations.origins(found.id)
    called, now = hearing(repository, found), time.time()
    return [
        replace(
            _line(found, entry, row=own.get(name), job=_job(own.get(name), jobs)),
            **_judged(called, entry, now),
            origin=origins.get((entry.path, name)),
        )
        for name, entry in entries.items()
    ]


def _judged(called: Hearing, entry: Entry, now: float) -> dict[str, Any]:
    """What the judge says of a file."""
    judge, told = called.judge, called.subject(entry)
    return {
        "hidden": judge.verdict(told, now),
        "verdicts": tuple(judge.verdicts(told, now)),
        "let_through": judge.pass_for(told, now),
    }


def _stays(row: FileRecord, found: ProjectRecord, listed: dict[str, Entry]) -> bool:
    """What is here stays as it was first seen; what is not, only if nobody else could bring it."""
    return row.blob is not None or (found.kind == "private" and row.filename not in listed)


def _own(row: FileRecord) -> Entry:
    entry = entry_from_json(row.entry)
    return replace(entry, sha256=row.blob.sha256, size=row.blob.size) if row.blob is not None else entry


def _job(row: FileRecord | None, jobs: dict[str, JobRecord]) -> JobRecord | None:
    return jobs.get(mirror_key(row.id)) if row is not None else None


def _line(found: ProjectRecord, entry: Entry, *, row: FileRecord | None, job: JobRecord | None) -> FileLine:
    parsed = parse(entry.filename, found.name)
    if row is not None and row.blob is not None:
        standing = "here"
    elif job is not None:
        standing = "failed" if job.state == "failed" else "fetching"
    else:
        standing = "lost" if found.kind == "private" else "upstream"
    gone = datetime.fromtimestamp(row.gone, tz=UTC) if row is not None and row.gone is not None else None
    why = job.error if job is not None and standing != "here" else ""
    return FileLine(entry, parsed.version if parsed is not None else "", standing, why, gone=gone)


def _order(line: FileLine) -> tuple[Version, str, str]:
    return version_or_none(line.version) or Version("0"), line.version, line.entry.filename
