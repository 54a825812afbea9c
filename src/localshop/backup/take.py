"""Takes a backup while everybody works: the tables of one moment, then the files that they name."""

from __future__ import annotations

import gzip
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import DatabaseError, connection

from localshop import __version__
from localshop.backup import shape
from localshop.backup.shape import Manifest
from localshop.backup.targets import Target, pieces_of, written
from localshop.catalog import dump, holds
from localshop.catalog.dump import Contents
from localshop.catalog.snapshot import snapshot
from localshop.errors import BadInput
from localshop.storage.stores import Store

_RENEW_EVERY = 60.0


@dataclass(slots=True)
class Taken:
    """What a backup did; sizes are in bytes."""

    manifest: Manifest
    copied: int = 0
    """Files that were not there yet."""
    copied_size: int = 0
    removed: list[str] = field(default_factory=list)
    """Older snapshots that went."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is."""

    done: int
    of: int


Tell = Callable[[Progress], None]


def take(target: Target, store: Store, *, now: datetime, keep: int = 0, tell: Tell) -> Taken:
    """Take a snapshot; ``keep`` of them stay, or all with 0.

    Nothing is removed from the storage meanwhile. A file that is lost or damaged in the storage does not
    stop it: the snapshot says what it lacks.
    """
    with _nothing_removed() as beat:
        name = shape.name_at(now, set(target.snapshots()))
        tables = target.scratch() / f"tables-{secrets.token_hex(8)}"
        try:
            found = _dump(tables, beat)
            with tables.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            target.add_tables(name, tables)
        finally:
            tables.unlink(missing_ok=True)
        taken = Taken(
            Manifest(
                snapshot=name,
                version=__version__,
                migration=found.migration,
                database=connection.vendor,
                tables_sha256=digest,
                files=len(found.blobs),
                size=sum(found.blobs.values()),
            )
        )
        _copy_files(found, target, store, taken, beat=beat, tell=tell)
        target.finish(taken.manifest)
    if keep:
        taken.removed = target.keep(keep)
    return taken


@contextmanager
def _nothing_removed() -> Iterator[Callable[[], None]]:
    """Keep the bytes in the storage; gives what has to be called every now and then meanwhile."""
    hold = holds.begin()
    renewed = time.monotonic()

    def beat() -> None:
        nonlocal renewed
        if time.monotonic() - renewed < _RENEW_EVERY:
            return
        try:
            there = holds.renew(hold)
        except DatabaseError:
            # The database is busy; there is time for several more tries.
            return
        if not there:
            raise BadInput(
                "The backup stood still for so long that files may have been removed; begin again."
            )
        renewed = time.monotonic()

    try:
        yield beat
    finally:
        holds.end(hold)


def _dump(path: Path, beat: Callable[[], None]) -> Contents:
    with gzip.open(path, "wb", compresslevel=6) as out, snapshot() as alias:
        dump.write(out, using=alias, beat=beat)
    with gzip.open(path) as lines:
        return dump.contents(lines)


def _copy_files(
    found: Contents, target: Target, store: Store, taken: Taken, *, beat: Callable[[], None], tell: Tell
) -> None:
    for number, (sha256, size) in enumerate(sorted(found.blobs.items()), start=1):
        beat()
        if not target.has(sha256, size):
            _copy_file(found, sha256, target, store, taken, beat=beat)
        tell(Progress(number, len(found.blobs)))


def _copy_file(
    found: Contents, sha256: str, target: Target, store: Store, taken: Taken, *, beat: Callable[[], None]
) -> None:
    path = target.scratch() / f"file-{secrets.token_hex(8)}"
    try:
        # Read from front to end, which a storage elsewhere wants to know.
        with store.open(found.names[sha256], part=(0, found.blobs[sha256])) as stored:
            came, size = written(path, _beating(pieces_of(stored), beat))
    except FileNotFoundError:
        taken.manifest.missing.append(sha256)
        path.unlink(missing_ok=True)
        return
    if came != sha256:
        taken.manifest.damaged.append(sha256)
        path.unlink()
        return
    target.add_file(sha256, path)
    taken.copied += 1
    taken.copied_size += size


def _beating(pieces: Iterator[bytes], beat: Callable[[], None]) -> Iterator[bytes]:
    for piece in pieces:
        beat()
        yield piece
