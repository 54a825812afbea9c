"""Private packages and mirrored files of the old localshop, one file after the other."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from localshop.catalog import publishing, repositories, taking_over
from localshop.catalog.journal import Actor
from localshop.catalog.publishing import Arrival, Taken
from localshop.catalog.records import RepositoryRecord
from localshop.errors import UploadRefused
from localshop.protocol import filenames, names
from localshop.protocol.document import Entry
from localshop.storage.parts import remove_old_parts
from localshop.storage.stores import Store
from localshop.takeover.bytes import PARTS, OldBytes, Part
from localshop.takeover.old import Old, OldFile, text
from localshop.takeover.report import Report
from localshop.takeover.rights import slugs_of
from localshop.uploads.examine import Claim, Examined, examine

_MD5 = re.compile(r"[0-9a-f]{32}\Z")
_ACTOR = Actor("localshop upgrade")
Tell = Callable[[int, int], None]


@dataclass(slots=True)
class Shelves:
    """What taking files over needs, and what it has found out."""

    store: Store
    source: OldBytes
    report: Report
    now: datetime
    pypi: str
    """The URL of the upstream whose files have PyPI's paths."""
    users: dict[str, int]
    homes: dict[int, RepositoryRecord] = field(default_factory=dict)
    """Our repositories by their old ids."""
    private: set[tuple[int, str]] = field(default_factory=set)
    """Names that are private, by old repository."""


def take_packages(
    old: Old, *, store: Store, source: OldBytes, pypi: str, report: Report, now: datetime, tell: Tell
) -> None:
    """Take over what is there; what was done already is found done. Every private file is accounted for."""
    # What one that was killed has left; nobody else is at it.
    remove_old_parts(store.scratch, before=math.inf, pattern=PARTS)
    shelves = Shelves(store, source, report, now, pypi, taking_over.user_ids())
    shelves.homes = {number: repositories.repository(slug) for number, slug in slugs_of(old).items()}
    _names(old, shelves)
    files = list(old.files())
    # Where a name is private and mirrored, once it is written in one way, the private files win.
    for number, file in enumerate(sorted(files, key=lambda one: (not one.local, one.id)), start=1):
        _file(file, shelves)
        tell(number, len(files))
    lost = old.orphans()
    if lost:
        why = "the release or package that they belong to is not there any more."
        report.leave(f"{lost} rows of files", why)


def _names(old: Old, shelves: Shelves) -> None:
    """Every private name is private from the start, with files or without."""
    for row in old.rows("packages_package"):
        name, number = text(row, "name"), row.get("repository_id") or 0
        what = f"package {name!r}"
        if number not in shelves.homes:
            shelves.report.leave(what, "its repository is not there any more.")
        elif not names.is_name(name):
            shelves.report.leave(what, "that can be no name of a project.")
        elif row["is_local"] and (number, names.normalise(name)) not in shelves.private:
            shelves.private.add((number, names.normalise(name)))
            home = shelves.homes[number]
            taking_over.make_private(home.id, names.normalise(name), title=name)
            shelves.report.private_projects += 1


def _file(file: OldFile, shelves: Shelves) -> None:
    home = shelves.homes.get(file.repository)
    if home is None or not names.is_name(file.package):
        return
    project = names.normalise(file.package)
    what = f"{home.slug}: {file.filename}"
    if not file.local and (file.repository, project) in shelves.private:
        shelves.report.leave(what, f"it is a mirrored file of {project}, which is a private project as well.")
        return
    part = shelves.source.take(file.place, shelves.store)
    if part is None:
        if file.local:
            shelves.report.leave(what, f"its bytes are not there, or cannot be read ({file.place!r}).")
        # A mirrored file that was never fetched is fetched when somebody asks for it.
        return
    try:
        why = _unfit(file, project, part)
        if why is None and file.local:
            why = _take_private(file, project, part, home, shelves)
        elif why is None:
            why = _take_mirrored(file, project, part, home, shelves)
    finally:
        part.path.unlink(missing_ok=True)
    if why is not None:
        shelves.report.leave(what, why)


def _unfit(file: OldFile, project: str, part: Part) -> str | None:
    """Why a file can be in no index of today, or is not what it should be."""
    if not filenames.is_safe(file.filename) or filenames.parse(file.filename, project) is None:
        return f"it is no wheel or sdist of {project} by its name; installers of today do not take it."
    if _MD5.match(file.md5):
        if file.md5 != part.md5:
            return f"its bytes have the MD5 {part.md5} and not {file.md5}: they are damaged."
    elif not file.local:
        return "no digest of it was kept, so nobody can tell whether it is right; it is fetched again."
    return None


def _take_private(
    file: OldFile, project: str, part: Part, home: RepositoryRecord, shelves: Shelves
) -> str | None:
    arrival = _arrival(file, project, part, home, shelves)
    arrival = replace(arrival, name=shelves.store.commit(part.path, sha256=part.measured.sha256))
    found = publishing.register(
        home.id,
        arrival,
        overwrite=False,
        actor=_ACTOR,
        at=shelves.now,
        is_stored=lambda name: shelves.store.size(name) == part.measured.size,
    )
    if found in {Taken.FREE, Taken.SAME}:
        shelves.report.private_files += 1
        return None
    if found is Taken.MIRRORED:
        return f"{project} is a mirrored project."
    return "another file of this name was taken over."


def _arrival(file: OldFile, project: str, part: Part, home: RepositoryRecord, shelves: Shelves) -> Arrival:
    """The file as it describes itself; one that today's checks refuse is taken as it is."""
    examined: Examined | None = None
    try:
        examined = examine(part.path, _claim(file, part), part.measured)
    except UploadRefused as error:
        if not _MD5.match(file.md5):
            why = "and no digest of it was kept"
        else:
            why = "but its bytes are those that were uploaded"
        shelves.report.remarks.append(
            f"{home.slug}: {file.filename} was taken over, though it would be refused today "
            f"({error.sentence}), {why}."
        )
    metadata = examined.metadata if examined is not None else b""
    entry = _entry(file, part, path=_cut(part.measured.blake2b_256))
    if examined is not None:
        is_wheel = examined.kind == "wheel"
        entry = replace(
            entry,
            requires_python=examined.requires_python,
            core_metadata=publishing.digest_of(metadata) if is_wheel else False,
        )
    user = shelves.users.get(file.username)
    return Arrival(
        project=project,
        title=examined.name if examined is not None else file.package,
        summary=examined.summary if examined is not None else "",
        entry=replace(entry, upload_time=_time(file.created or shelves.now)),
        name="",
        metadata=metadata,
        publisher=f"user {user}" if user is not None else "",
        attestations=[],
    )


def _take_mirrored(
    file: OldFile, project: str, part: Part, home: RepositoryRecord, shelves: Shelves
) -> str | None:
    upstream = home.upstreams[0] if home.upstreams else None
    measured = part.measured
    is_pypi = upstream is None or upstream.url == shelves.pypi
    entry = _entry(file, part, path=_cut(measured.blake2b_256 if is_pypi else measured.sha256))
    if file.created is not None:
        entry = replace(entry, seen=file.created.timestamp())
    name = shelves.store.commit(part.path, sha256=measured.sha256)
    why = taking_over.add_mirrored(
        home.id,
        project,
        entry,
        upstream_id=upstream.id if upstream is not None else None,
        stored_as=name,
        is_stored=shelves.store.size(name) == measured.size,
    )
    shelves.report.mirrored_files += not why
    return f"{why}." if why else None


def _claim(file: OldFile, part: Part) -> Claim:
    return Claim(
        filename=file.filename,
        filetype="bdist_wheel" if file.filename.endswith(".whl") else "sdist",
        name=file.package,
        version=file.version,
        metadata_version="",
        digests={"sha256": part.measured.sha256},
    )


def _entry(file: OldFile, part: Part, *, path: str) -> Entry:
    return Entry(
        filename=file.filename,
        url=file.url if not file.local and file.url.startswith(("http://", "https://")) else "",
        path=path,
        sha256=part.measured.sha256,
        size=part.measured.size,
        requires_python=file.requires_python or None,
    )


def _cut(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest[4:]}"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
