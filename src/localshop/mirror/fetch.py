"""Brings a file home, once, however many processes and clients want it.

Disk first: the leader writes a part file and hashes it on the way; whoever waits reads the part
file as it grows. One leads, by a lock beside the part file, which the kernel takes from the dead; the
next one hashes what is there and goes on from its end. Only what has the right digest is committed.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localshop.catalog import files
from localshop.catalog.records import BlobRecord, FileRecord
from localshop.errors import (
    DigestMismatch,
    StorageError,
    StorageFull,
    UpstreamNonsense,
    UpstreamUnavailable,
)
from localshop.observe.log import event, get_logger
from localshop.protocol.document import Entry, entry_from_json
from localshop.shop import Shop
from localshop.upstream.source import Source

from .download import Download
from .inside import keep_metadata

_TRIES = 4
_FIRST_PAUSE = 0.5
_POLL = 0.005
_READ = 1 << 20
_WHILE = 30.0
_SLOWEST = 1000
"""Bytes a second, over that while, below which a download is broken off (and resumed)."""

log = get_logger(__name__)


def bring_home(shop: Shop, source: Source, file: FileRecord) -> Download:
    """Have a file fetched, or join those who wait for it already."""
    part = part_of(shop.store.scratch, source.id, path=file.path, filename=file.filename)
    key = part.stem
    known: Download | None = shop.downloads.get(key)
    if known is not None:
        return known
    download = Download(part=part, size=entry_from_json(file.entry).size)
    task = asyncio.create_task(_fetch(shop, source, file, download))
    download.task = task
    shop.downloads[key] = download
    task.add_done_callback(download.ended)
    task.add_done_callback(lambda _: shop.downloads.pop(key, None))
    return download


def part_of(scratch: Path, upstream_id: int, *, path: str, filename: str) -> Path:
    """Where what has come of a file lies, while it comes."""
    place = hashlib.blake2b(f"{path}/{filename}".encode(), digest_size=16).hexdigest()
    return scratch / f"{upstream_id}-{place}.part"


async def _fetch(shop: Shop, source: Source, file: FileRecord, download: Download) -> BlobRecord:
    """Lead as soon as nobody else does, unless the file is here by then."""
    while True:
        with _lead(download.part.with_suffix(".lead")) as leads:
            # Who led gives the lock back when the database knows of the file, not when the part is
            # in its place: in between we would find neither, and fetch it once more.
            blob = await _already_here(shop, file)
            if blob is not None:
                return blob
            if leads:
                with _opened(download.part) as fd:
                    blob = await _Leader(shop, source, file, download=download, fd=fd).run()
                # Nobody has to wait for a look inside.
                download.arrived(blob)
                await shop.run(keep_metadata, shop, file, blob)
                return blob
        if download.size is None:
            row = await shop.reads.file(file.repository_id, file.path, file.filename)
            download.size = row.size or None
        await asyncio.sleep(_POLL)
        download.grew()


async def _already_here(shop: Shop, file: FileRecord) -> BlobRecord | None:
    """The bytes, if another process has brought them."""
    row = await shop.reads.file(file.repository_id, file.path, file.filename)
    if not row.blob or await shop.carry(shop.store.size, row.blob) != row.size:
        return None
    return BlobRecord(sha256=row.sha256, size=row.size, name=row.blob)


@contextmanager
def _lead(lock: Path) -> Iterator[bool]:
    """Whether we are the one who fetches."""
    fd = _made(lock)
    # The last leader may have taken the lock file away while we opened it: then its lock is nobody's.
    leads = _locked(fd) and _is_at(lock, fd)
    try:
        yield leads
    finally:
        if leads:
            lock.unlink(missing_ok=True)
        os.close(fd)


@contextmanager
def _opened(part: Path) -> Iterator[int]:
    """A descriptor of the part file for the one who leads; only he may make it."""
    while True:
        fd = _made(part)
        # Locked, too, because an old part whose lock is free is tidied away.
        fcntl.flock(fd, fcntl.LOCK_EX)
        if _is_at(part, fd):
            break
        os.close(fd)
    try:
        yield fd
    finally:
        if os.fstat(fd).st_size == 0 and _is_at(part, fd):
            # Nothing came.
            part.unlink(missing_ok=True)
        os.close(fd)


def _made(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritten("what arrives", error) from error


def _unwritten(what: str, error: OSError) -> StorageError:
    kind = StorageFull if error.errno in {errno.ENOSPC, errno.EDQUOT} else StorageError
    return kind(f"There is no place for {what}: {error.strerror}.")


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Leader:
    """The one who fetches."""

    def __init__(self, shop: Shop, source: Source, file: FileRecord, *, download: Download, fd: int) -> None:
        self._shop = shop
        self._source = source
        self._file = file
        self._entry = entry_from_json(file.entry)
        self._download = download
        self._fd = fd
        self._position = 0
        self._digests = _digests_for(file, self._entry)

    async def run(self) -> BlobRecord:
        """Fetch all of it, check it, put it in its place."""
        if os.fstat(self._fd).st_size:
            await self._shop.run(self._hash_what_is_there)
        resumed = self._position > 0
        await self._all_bytes()
        wrong = self._wrong()
        if wrong is not None and resumed:
            # The beginning may have been left by a crash, or be of another file: from the start.
            self._start_over()
            await self._all_bytes()
            wrong = self._wrong()
        if wrong is not None:
            self._throw_away()
            raise DigestMismatch(wrong)
        name = await self._shop.carry(self._shop.store.commit, self._download.part, sha256=self._sha256())
        return await self._arrived(name)

    def _hash_what_is_there(self) -> None:
        while data := os.pread(self._fd, _READ, self._position):
            self._took(data)

    async def _all_bytes(self) -> None:
        """Fetch to the end, going on where a broken connection left off."""
        for attempt in range(_TRIES):
            before = self._position
            try:
                await self._some_bytes()
            except UpstreamUnavailable:
                if attempt + 1 == _TRIES or self._position == before:
                    raise
                await asyncio.sleep(_FIRST_PAUSE * 2**attempt)
            else:
                return

    async def _some_bytes(self) -> None:
        size = self._download.size
        if size is not None and self._position == size:
            return
        if size is not None and self._position > size:
            self._start_over()
        async with self._shop.upstream.open(self._source, self._entry.url, start=self._position) as stream:
            if stream.start != self._position:
                self._start_over()
            await self._learn_size(stream.size)
            pace = _Pace(self._position)
            async for data in stream.chunks():
                self._write(data)
                self._download.grew()
                pace.check(self._position, self._file.filename)

    async def _learn_size(self, told: int | None) -> None:
        known = self._download.size
        if told is None or told == known:
            return
        if known is not None:
            # Announced by the page, or told by this server before the connection broke.
            self._throw_away()
            raise UpstreamNonsense(
                f"{self._file.filename} should have {known} bytes, but its server now says {told}."
            )
        self._download.size = told
        await self._shop.run(files.size_told, self._file.id, told)

    def _write(self, data: bytes) -> None:
        size = self._download.size
        if size is not None and self._position + len(data) > size:
            self._throw_away()
            raise UpstreamNonsense(f"{self._file.filename} is longer than the {size} bytes announced.")
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._fd, data[written:], self._position + written)
        except OSError as error:
            self._throw_away()
            raise _unwritten(self._file.filename, error) from error
        self._took(data)

    def _took(self, data: bytes) -> None:
        for digest, _ in self._digests.values():
            digest.update(data)
        self._position += len(data)

    def _wrong(self) -> str | None:
        for name, (digest, wanted) in self._digests.items():
            if wanted and digest.hexdigest() != wanted:
                return (
                    f"{self._file.filename} has the {name} {digest.hexdigest()}, but {wanted} was announced."
                )
        return None

    def _start_over(self) -> None:
        os.ftruncate(self._fd, 0)
        self._position = 0
        self._digests = _digests_for(self._file, self._entry)

    def _throw_away(self) -> None:
        """Cut the part to nothing, so that nobody who has it open can read on, and take it away."""
        os.ftruncate(self._fd, 0)
        self._download.part.unlink(missing_ok=True)

    def _sha256(self) -> str:
        return str(self._digests["sha256"][0].hexdigest())

    async def _arrived(self, name: str) -> BlobRecord:
        size = self._position
        blob = await self._shop.write(
            files.file_arrived, self._file.id, sha256=self._sha256(), size=size, name=name
        )
        event(
            log,
            logging.INFO,
            "mirrored",
            f"{self._file.filename} is here.",
            project=self._file.project,
            bytes=size,
        )
        return blob


class _Pace:
    """Gives up a server that sends so slowly that it will never come to an end."""

    def __init__(self, position: int) -> None:
        self._position = position
        self._since = time.monotonic()

    def check(self, position: int, filename: str) -> None:
        """Called with each piece; raises ``UpstreamUnavailable`` when too little came in a while."""
        now = time.monotonic()
        if now - self._since < _WHILE:
            return
        if position - self._position < _SLOWEST * _WHILE:
            raise UpstreamUnavailable(f"{filename} comes at less than {_SLOWEST} bytes a second.")
        self._position, self._since = position, now


def _digests_for(file: FileRecord, entry: Entry) -> dict[str, tuple[Any, str]]:
    """Running digests with what each must come to; empty: nobody announced it.

    Without a sha256 the other digests of its page are what the file is checked against.
    """
    wanted = {"sha256": file.sha256}
    if not file.sha256:
        others = entry.extra.get("_hashes")
        if isinstance(others, dict):
            wanted |= {name: value for name, value in others.items() if name in hashlib.algorithms_guaranteed}
    return {name: (hashlib.new(name, usedforsecurity=False), value) for name, value in wanted.items()}


def _is_at(path: Path, fd: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(fd).st_ino
    except FileNotFoundError:
        return False
