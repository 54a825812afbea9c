"""Where a backup is read from: a directory with snapshots, or a tar file; both tell the same story."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from localshop.backup import shape
from localshop.backup.shape import Manifest
from localshop.backup.targets import pieces_of, written
from localshop.catalog import dump
from localshop.errors import BadInput


@dataclass(frozen=True, slots=True)
class Source:
    """One snapshot. ``files`` gives each stored file with its SHA-256, once, in any order.

    ``manifest`` None: it is told only when the files were read, see ``last``.
    """

    tables: Path
    files: Iterator[tuple[str, IO[bytes]]]
    last: list[Manifest]
    """The manifest, from when the files have been read to their end."""


@contextmanager
def opened(place: str, stdin: BinaryIO, *, snapshot: str | None, scratch: Path) -> Iterator[Source]:
    """Open a backup: a directory, a tar file, or ``-`` for one that comes on ``stdin``."""
    if place == "-":
        with _tar(stdin, scratch) as source:
            yield source
    elif Path(place).is_dir():
        yield _directory(Path(place), snapshot)
    else:
        try:
            file = Path(place).open("rb")  # noqa: SIM115 - closed below.
        except OSError as error:
            raise BadInput(f"{place} cannot be read: {error.strerror}.") from None
        with file, _tar(file, scratch) as source:
            yield source


def _directory(root: Path, snapshot: str | None) -> Source:
    there = sorted(path.stem for path in (root / "snapshots").glob("*.json") if shape.is_name(path.stem))
    if not there:
        raise BadInput(f"There is no snapshot in {root}.")
    if snapshot is not None and snapshot not in there:
        raise BadInput(f"There is no snapshot {snapshot!r} in {root}; there are {', '.join(there)}.")
    name = snapshot or there[-1]
    manifest = _manifest((root / shape.manifest_of(name)).read_bytes())
    tables = root / shape.tables_of(name)
    _check_tables(tables, manifest)
    with gzip.open(tables) as lines:
        wanted = dump.contents(lines).blobs

    def files() -> Iterator[tuple[str, IO[bytes]]]:
        for sha256 in sorted(wanted):
            path = root / shape.file_of(sha256)
            if path.exists():
                with path.open("rb") as file:
                    yield sha256, file

    return Source(tables, files(), [manifest])


@contextmanager
def _tar(stream: BinaryIO, scratch: Path) -> Iterator[Source]:
    tables = scratch / "restore-tables"
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as archive:
            first = archive.next()
            content = archive.extractfile(first) if first is not None and first.isreg() else None
            if first is None or content is None or not first.name.endswith(".tables.gz"):
                raise BadInput("This is no backup of localshop: its tables do not come first.")
            written(tables, pieces_of(content))
            last: list[Manifest] = []
            yield Source(tables, _members(archive, tables, last), last)
    except (tarfile.TarError, EOFError) as error:
        raise BadInput(f"This backup cannot be read: {error}.") from None
    finally:
        tables.unlink(missing_ok=True)


def _members(archive: tarfile.TarFile, tables: Path, last: list[Manifest]) -> Iterator[tuple[str, IO[bytes]]]:
    while (member := archive.next()) is not None:
        content = archive.extractfile(member) if member.isreg() else None
        if content is None:
            continue
        sha256 = shape.digest_in(member.name)
        if sha256 is not None:
            yield sha256, content
        elif member.name.endswith(".json"):
            manifest = _manifest(content.read())
            _check_tables(tables, manifest)
            last.append(manifest)


def _manifest(text: bytes) -> Manifest:
    try:
        found: dict[str, Any] = json.loads(text)
        if found.get("format") != shape.FORMAT:
            raise BadInput("This backup is of a newer localshop than this one; install that one first.")
        return Manifest(**found)
    except (ValueError, TypeError, AttributeError):
        raise BadInput(
            "This backup cannot be read: what it tells of itself is not as it should be."
        ) from None


def _check_tables(tables: Path, manifest: Manifest) -> None:
    with tables.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != manifest.tables_sha256:
            raise BadInput("This backup is damaged: its tables are not those that were taken.")
