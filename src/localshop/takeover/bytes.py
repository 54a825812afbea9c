"""Where the bytes of old files are: in the directory that was set aside, or in a storage elsewhere."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from localshop.storage.opening import configured_storage
from localshop.storage.stores import Store
from localshop.uploads.examine import Measured

PARTS = "takeover-*.part"
"""The names of files on their way."""
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes of a file, ready to be taken into the storage, and what they are."""

    path: Path
    md5: str
    measured: Measured


class OldBytes:
    """The files of the old localshop."""

    def __init__(self, root: Path, *, elsewhere: bool) -> None:
        self._root = Path(os.path.realpath(root))
        self._elsewhere = elsewhere

    def take(self, place: str, store: Store) -> Part | None:
        """Bring a file to where files arrive; None: it is not there, cannot be read, or leads elsewhere.

        On the same disk it is a second name for the same bytes, so a large mirror takes no more room.
        """
        part = store.scratch / PARTS.replace("*", secrets.token_hex(8))
        try:
            if self._elsewhere:
                self._fetch(place, part)
            else:
                source = self._path(place)
                if source is None:
                    return None
                _link_or_copy(source, part)
            return Part(part, *_measured(part))
        except (FileNotFoundError, PermissionError):
            part.unlink(missing_ok=True)
            return None
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _path(self, place: str) -> Path | None:
        """Where a file is; the names come from a database that others have written to."""
        if not place or "\0" in place:
            return None
        path = Path(os.path.realpath(self._root / place))
        return path if path.is_relative_to(self._root) and path.is_file() else None

    def _fetch(self, place: str, part: Path) -> None:
        storage = configured_storage()
        if not place or not storage.exists(place):
            raise FileNotFoundError(place)
        with storage.open(place, "rb") as file, part.open("wb") as out:
            shutil.copyfileobj(file, out, _PIECE)


def _link_or_copy(source: Path, part: Path) -> None:
    found = source.stat()
    if found.st_uid == os.geteuid() and found.st_dev == part.parent.stat().st_dev:
        with suppress(OSError):
            part.hardlink_to(source)
            return
    shutil.copyfile(source, part)


def _measured(path: Path) -> tuple[str, Measured]:
    digests: list[Any] = [
        hashlib.md5(usedforsecurity=False),
        hashlib.sha256(),
        hashlib.blake2b(digest_size=32),
    ]
    size = 0
    with path.open("rb") as file:
        while piece := _read(file):
            size += len(piece)
            for one in digests:
                one.update(piece)
    md5, sha256, blake2b = (one.hexdigest() for one in digests)
    return md5, Measured(size, md5, sha256, blake2b)


def _read(file: IO[bytes]) -> bytes:
    return file.read(_PIECE)
