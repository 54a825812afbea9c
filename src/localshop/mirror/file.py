"""A file: served from here, or as the repository's miss mode says while it is not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from django.db import Error as DatabaseError

from localshop.catalog import blobs, files, queue
from localshop.catalog.reads import FileRow
from localshop.catalog.records import FileRecord, RepositoryRecord
from localshop.errors import StorageError
from localshop.observe.log import event, get_logger
from localshop.policies.records import Subject, Verdict
from localshop.protocol.document import entry_to_json
from localshop.shelf.hearing import Hearing, heard
from localshop.shop import Shop

from .download import HELD_BACK, Download
from .fetch import bring_home
from .locate import Located, locate
from .names import is_ours
from .patience import deadline, in_time

MIRROR_FILE = "mirror-file"
"""The name of the job that brings one file home."""
_PATIENCE = 6.0
"""Seconds for which a small file is waited for; if it takes longer, what has come is sent."""
_SMALL = 1 << 20
"""Bytes up to which a file is sent only when all of it was verified, so that a failure is clean."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Here:
    """The bytes are here: ``blob`` is what the storage calls them."""

    blob: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The client fetches it there, while a job brings it home."""

    url: str


@dataclass(frozen=True, slots=True)
class Coming:
    """It is on its way: the client gets what has come, as it comes."""

    download: Download
    sha256: str
    until: float
    """When the first bytes have to be sent, by the clock of the loop."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """It is not given: by a verdict, or because it is not here and may not be fetched.

    ``until``: when the verdict ends, in seconds since the epoch, where it does.
    """

    slug: str
    sentence: str
    until: float | None = None


Outcome = Here | Elsewhere | Coming | Withheld | None
"""None: there is no such file."""


async def file(
    shop: Shop, repository: RepositoryRecord, path: str, filename: str, *, row: FileRow
) -> Outcome:
    """What a client gets that asks for a file; ``row`` is what the hot path read of it."""
    if row.id and row.kind != "private" and is_ours(repository, row.project, kind=row.kind):
        # A mirrored file whose name is now kept for private projects.
        return None
    if row.state == "deleted":
        return None
    if row.blob:
        project = await heard(shop, repository, row.project, project_id=row.project_id, serial=row.serial)
        if project is None:
            return None
        verdict = project.verdict_at(path, filename, shop.now())
        if verdict is not None:
            return withheld(verdict)
        if project.judge.watches:
            _tell_of_watched(project, project.subject_at(path, filename), shop.now())
        shop.used.add(row.sha256)
        return Here(row.blob, row.sha256, row.size)
    if row.kind == "private":
        raise StorageError(
            f"The bytes of {filename} are gone from the storage; they have to be uploaded again."
        )
    until = deadline()
    async with in_time(filename, until=until):
        located = await locate(shop, repository, path, filename, row=row)
        if located is None:
            return None
        verdict = await verdict_on(shop, repository, located)
        if verdict is not None:
            return withheld(verdict)
        return await _missing(shop, repository, located, until=until)


async def write_uses(shop: Shop) -> None:
    """Write down which stored files were used: one batch, not one commit for each request."""
    used, shop.used = shop.used, set()
    try:
        if used:
            await shop.run(blobs.note_use, used, now=shop.now())
    except BaseException:
        # The next batch has them.
        shop.used |= used
        raise


async def vanished(shop: Shop, row: FileRow, *, why: Exception) -> None:
    """The storage has lost the bytes of this file: forget them, so that they are fetched again.

    Private bytes can be fetched nowhere; they are not forgotten, since the disk may come back.
    """
    sentence = f"The bytes of the file {row.sha256} of {row.project} are gone from the storage: {why}"
    event(log, logging.ERROR, "bytes-vanished", sentence, project=row.project, kind=row.kind)
    if row.kind == "private":
        raise StorageError(f"{sentence}. Only an upload, or a backup, can bring them back.") from why
    await shop.run(files.blob_vanished, row.sha256)


async def _missing(shop: Shop, repository: RepositoryRecord, located: Located, *, until: float) -> Outcome:
    filename = located.entry.filename
    withheld = await _not_fetched(shop, repository, located)
    if withheld is not None:
        return withheld
    # Where the upstream wants credentials the client has not ours, and would meet a 401.
    redirects = repository.miss == "redirect" and not located.source.username
    try:
        wanted = await shop.write(_want, located, fetch=redirects, now=shop.now())
    except DatabaseError as error:
        if located.source.username:
            raise
        # Nothing can be written down now. The client is helped all the same; a later one has it kept.
        event(log, logging.WARNING, "not-written-down", f"{filename} is not brought home now: {error}")
        return Elsewhere(located.entry.url)
    if wanted is None:
        return None
    blob = wanted.blob
    if blob is not None and await shop.carry(shop.store.size, blob.name) == blob.size:
        return Here(blob.name, blob.sha256, blob.size)
    if redirects:
        if blob is not None:
            # The storage has lost it.
            with contextlib.suppress(DatabaseError):
                await shop.write(enqueue_fetch, wanted, now=shop.now())
        return Elsewhere(located.entry.url)
    try:
        return await _streamed(bring_home(shop, located.source, wanted), wanted, until=until)
    except StorageError as error:
        if located.source.username:
            raise
        event(log, logging.ERROR, error.slug, error.sentence, file=filename)
        return Elsewhere(located.entry.url)


async def _not_fetched(shop: Shop, repository: RepositoryRecord, located: Located) -> Withheld | None:
    """Why a file that is not here may not be fetched, if it may not."""
    filename = located.entry.filename
    if shop.config.offline:
        return Withheld("not-mirrored", f"{filename} is not here, and localshop is offline.")
    if repository.miss == "refuse":
        sentence = f"{filename} is not here, and repository {repository.slug!r} fetches nothing."
        return Withheld("not-mirrored", sentence)
    # Of an undecided project nothing was ever stored.
    if located.project.kind != "" and await shop.run(is_swapped, located):
        sentence = f"{filename} now has other bytes upstream than those that are stored here."
        return Withheld("digest-changed", sentence)
    return None


def is_swapped(located: Located) -> bool:
    """Whether other bytes are stored under this name: those that were seen first stay."""
    entry = located.entry
    stored = files.stored_as(located.project.id, entry.filename)
    return stored is not None and stored.path != entry.path and stored.sha256 != entry.sha256


def _want(located: Located, *, fetch: bool, now: float) -> FileRecord | None:
    """Make the row, and have it brought home behind the request: both, or neither."""
    wanted = want(located)
    if fetch and wanted is not None and wanted.blob is None:
        enqueue_fetch(wanted, now=now)
    return wanted


def want(located: Located) -> FileRecord | None:
    """Make the row of a file that somebody asked for; None: its project has just become private."""
    entry = located.entry
    return files.want_file(
        located.project.id,
        upstream_id=located.source.id,
        filename=entry.filename,
        path=entry.path,
        sha256=entry.sha256 or "",
        size=entry.size,
        entry=entry_to_json(entry),
    )


def enqueue_fetch(wanted: FileRecord, *, now: float) -> None:
    """Have a file brought home, behind the request, once however often it is asked for."""
    queue.enqueue(MIRROR_FILE, f"{MIRROR_FILE} {wanted.id}", payload={"file": wanted.id}, now=now)


async def _streamed(download: Download, wanted: FileRecord, *, until: float) -> Outcome:
    """What is small is waited for, so that a failure is clean; of the rest, the first bytes."""
    await download.begun()
    if (download.size or 0) <= max(_SMALL, HELD_BACK):
        with contextlib.suppress(TimeoutError):
            blob = await asyncio.wait_for(download.here(), _PATIENCE)
            return Here(blob.name, blob.sha256, blob.size)
    return Coming(download, wanted.sha256, until)


async def verdict_on(shop: Shop, repository: RepositoryRecord, located: Located) -> Verdict | None:
    """The verdict on a file that an upstream has; None: it is shown."""
    project = located.project
    found = await heard(shop, repository, project.name, project_id=project.id, serial=project.serial)
    if found is None:
        return None
    verdict = found.verdict(located.entry, shop.now())
    if verdict is None and found.judge.watches:
        _tell_of_watched(found, found.subject(located.entry), shop.now())
    return verdict


def _tell_of_watched(project: Hearing, subject: Subject, now: float) -> None:
    """Say in the log what would have been refused, once for each request."""
    for verdict in project.judge.verdicts(subject, now):
        event(
            log,
            logging.INFO,
            "would-hide",
            f"By the rule {verdict.rule}, which is only watched: {verdict.sentence}",
            project=project.judge.case.project,
            file=subject.filename,
            rule=verdict.rule,
        )


def withheld(verdict: Verdict) -> Withheld:
    """What a client gets for a file that is hidden."""
    return Withheld(verdict.slug, verdict.sentence, verdict.until)
