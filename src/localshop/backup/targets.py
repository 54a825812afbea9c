"""Where a backup is written to: a directory that keeps many snapshots, or a tar file with one."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import json
import os
import secrets
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from localshop.backup import shape
from localshop.backup.shape import Manifest
from localshop.catalog import dump
from localshop.errors import BadInput
from localshop.storage.disk import make_directory, sync_file

_PIECE = 1 << 20
_MODE = 0o600


class Target(Protocol):
    """What taking a backup needs."""

    def snapshots(self) -> list[str]:
        """The names of the whole snapshots that are there, oldest first."""

    def has(self, sha256: str, size: int) -> bool:
        """Whether a stored file is there already, whole."""

    def add_tables(self, snapshot: str, path: Path) -> None:
        """Take the tables; what is at ``path`` stays the caller's."""

    def add_file(self, sha256: str, path: Path) -> None:
        """Take a stored file, whole and verified; what is at ``path`` may be gone then."""

    def finish(self, manifest: Manifest) -> None:
        """Make it a snapshot."""

    def scratch(self) -> Path:
        """Where a file may be written that is added then."""

    def keep(self, newest: int) -> list[str]:
        """Remove all snapshots but so many, with the files that only they have; tells which went."""


class Directory:
    """A directory; files that are there are not copied again. Use it by `opened`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._scratch = root / ".tmp"
        self._synced: set[Path] = set()

    def snapshots(self) -> list[str]:
        """Those that came to their end."""
        return sorted(
            path.stem for path in (self.root / "snapshots").glob("*.json") if shape.is_name(path.stem)
        )

    def has(self, sha256: str, size: int) -> bool:
        """Only whole files have their name: they come to it by a rename."""
        with suppress(FileNotFoundError):
            return (self.root / shape.file_of(sha256)).stat().st_size == size
        return False

    def add_tables(self, snapshot: str, path: Path) -> None:
        """Copied, because it is read again."""
        copy = self.scratch() / f"tables-{secrets.token_hex(8)}"
        with path.open("rb") as original, _written(copy) as file:
            _copy(original, file)
        self._place(copy, shape.tables_of(snapshot))

    def add_file(self, sha256: str, path: Path) -> None:
        """Moved into its place."""
        self._place(path, shape.file_of(sha256))

    def finish(self, manifest: Manifest) -> None:
        """After all else is on the disk."""
        for directory in self._synced:
            sync_file(directory)
        self._synced.clear()
        path = self.scratch() / f"manifest-{secrets.token_hex(8)}"
        with _written(path) as file:
            file.write(_json(manifest))
        self._place(path, shape.manifest_of(manifest.snapshot))
        sync_file(self.root / "snapshots")

    def scratch(self) -> Path:
        """On the same file system."""
        make_directory(self._scratch)
        return self._scratch

    def keep(self, newest: int) -> list[str]:
        """First what makes them snapshots goes, so that none is ever there with files missing."""
        gone = self.snapshots()[:-newest]
        for snapshot in gone:
            (self.root / shape.manifest_of(snapshot)).unlink()
        self.remove_unneeded()
        return gone

    def remove_unneeded(self) -> None:
        """Remove tables without a manifest, and files that no snapshot has."""
        names = self.snapshots()
        needed: set[str] = set()
        for snapshot in names:
            with gzip.open(self.root / shape.tables_of(snapshot)) as lines:
                needed |= dump.contents(lines).blobs.keys()
        for path in (self.root / "snapshots").glob("*.tables.gz"):
            if path.name.removesuffix(".tables.gz") not in names:
                path.unlink()
        for path in (self.root / "files").glob("??/??/*"):
            if path.name not in needed:
                path.unlink()

    def remove_scratch(self) -> None:
        """What a backup that was killed has left."""
        for path in self._scratch.glob("*"):
            path.unlink(missing_ok=True)

    def _place(self, path: Path, place: str) -> None:
        target = self.root / place
        make_directory(target.parent)
        path.replace(target)
        self._synced |= set(list(target.parents)[: place.count("/") + 1])


class Tar:
    """A tar file, written from front to end: it may be a pipe."""

    def __init__(self, out: BinaryIO, scratch: Path) -> None:
        self._out = out
        self._archive = tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._scratch = scratch

    def snapshots(self) -> list[str]:
        """None: each tar file has its own."""
        return []

    def has(self, _sha256: str, _size: int) -> bool:
        """Never: each is told once."""
        return False

    def add_tables(self, snapshot: str, path: Path) -> None:
        """First of all, so that who reads it knows what is coming."""
        self._add(shape.tables_of(snapshot), path)

    def add_file(self, sha256: str, path: Path) -> None:
        """One after the other."""
        self._add(shape.file_of(sha256), path)
        path.unlink(missing_ok=True)

    def finish(self, manifest: Manifest) -> None:
        """At its end, where a file that was cut has it not."""
        data = _json(manifest)
        self._archive.addfile(self._info(shape.manifest_of(manifest.snapshot), len(data)), io.BytesIO(data))
        self._archive.close()
        self._out.flush()

    def scratch(self) -> Path:
        """Beside where files arrive."""
        return self._scratch

    def keep(self, newest: int) -> list[str]:  # noqa: ARG002 - there is one.
        """Nothing to remove."""
        return []

    def _add(self, place: str, path: Path) -> None:
        with path.open("rb") as file:
            self._archive.addfile(self._info(place, os.fstat(file.fileno()).st_size), file)

    def _info(self, place: str, size: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo(place)
        info.size, info.mode, info.mtime = size, _MODE, int(time.time())
        return info


@contextmanager
def opened(root: Path) -> Iterator[Directory]:
    """The directory for backups, made if need be, for one process at a time."""
    if root.exists() and not root.is_dir():
        raise BadInput(f"{root} is no directory, and its name does not end in .tar.")
    if root.exists() and not (root / "snapshots").is_dir() and any(root.iterdir()):
        raise BadInput(f"{root} has something in it that is no backup of localshop; name another directory.")
    make_directory(root / "snapshots")
    descriptor = os.open(root / "backup.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"Another process is working on the backups in {root}.") from None
        directory = Directory(root)
        directory.remove_scratch()
        yield directory
    finally:
        os.close(descriptor)


def written(path: Path, pieces: Iterator[bytes]) -> tuple[str, int]:
    """Write pieces to a new file, on the disk when this returns; gives SHA-256 and size."""
    digest, size = hashlib.sha256(), 0
    with _written(path) as file:
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            file.write(piece)
    return digest.hexdigest(), size


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    """What is in a file, a piece at a time."""
    while piece := file.read(_PIECE):
        yield piece


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _copy(source: IO[bytes], target: BinaryIO) -> None:
    target.writelines(pieces_of(source))


def _json(manifest: Manifest) -> bytes:
    return (json.dumps(asdict(manifest), indent=2) + "\n").encode()
