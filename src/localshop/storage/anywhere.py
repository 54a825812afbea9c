"""Any Django storage, of which nothing is known but Django's interface."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from django.core.files.base import File
from django.core.files.storage import InMemoryStorage, Storage

_TWO = re.compile(r"[0-9a-f]{2}\Z")


class Keeper(Protocol):
    """What the store needs of wherever files are. Names are the store's, and errors the keeper's own."""

    checks_size: bool
    """Whether ``open``, told a size, looks at the file with the first read only: ``FileNotFoundError``,
    ``StorageDamaged``."""

    def put(self, part: Path, name: str, *, size: int) -> str:
        """Store the file at ``part``, whole or not at all, unless it is there; gives the name it got."""

    def size(self, name: str) -> int | None:
        """Tell the size in bytes; None: it is not there."""

    def modified(self, name: str) -> float | None:
        """When it came, in seconds since the epoch; None: it is not there."""

    def open(self, name: str, *, size: int | None, part: tuple[int, int] | None) -> BinaryIO:
        """Open it for reading; ``size`` and ``part`` are what is known of it, and is going to be read."""

    def delete(self, name: str) -> None:
        """Delete it; one that is not there is fine."""

    def move(self, name: str, aside: str) -> str:
        """Give a file that is there another name; gives the one that it got."""

    def names(self, pattern: re.Pattern[str]) -> Iterator[str]:
        """Give the names of this shape (``aa/bb/…``), in order."""


class Anywhere:
    """A ``Keeper`` that is any Django storage. ``scratch`` is a directory for its locks."""

    checks_size = False

    def __init__(self, storage: Storage, *, scratch: Path) -> None:
        self._storage = storage
        self._scratch = scratch

    def put(self, part: Path, name: str, *, size: int) -> str:
        with self._alone(name):
            there = self.size(name)
            if there == size:
                return name
            if there is not None:
                # A write that was cut short: nobody can have been told that this file is stored.
                self._storage.delete(name)
            try:
                with part.open("rb") as file:
                    return str(self._storage.save(name, _Part(file, name=name)))
            except BaseException:
                with suppress(Exception):
                    if self.size(name) not in (None, size):
                        self._storage.delete(name)
                raise

    def size(self, name: str) -> int | None:
        try:
            return int(self._storage.size(name)) if self._storage.exists(name) else None
        except FileNotFoundError:
            return None

    def modified(self, name: str) -> float | None:
        try:
            return float(self._storage.get_modified_time(name).timestamp())
        except FileNotFoundError:
            return None

    def open(self, name: str, *, size: int | None = None, part: tuple[int, int] | None = None) -> BinaryIO:
        # Django knows of no way to ask for less than a file.
        del size, part
        try:
            file = self._storage.open(name, "rb")
        except Exception as error:
            # What a storage raises for a file that it does not have is its own affair.
            if self.size(name) is None:
                raise not_there(name) from error
            raise
        if isinstance(self._storage, InMemoryStorage):
            # It hands the same file object, with one position, to all readers.
            return io.BytesIO(cast("io.BytesIO", file.file).getvalue())
        return cast("BinaryIO", file)

    def delete(self, name: str) -> None:
        try:
            self._storage.delete(name)
        except Exception:
            if self.size(name) is not None:
                raise

    def move(self, name: str, aside: str) -> str:
        with self.open(name) as file:
            kept = str(self._storage.save(aside, File(file)))
        self._storage.delete(name)
        return kept

    def names(self, pattern: re.Pattern[str]) -> Iterator[str]:
        for first in self._below("", directories=True):
            for second in self._below(first, directories=True):
                place = f"{first}/{second}"
                for name in self._below(place, directories=False):
                    if pattern.match(f"{place}/{name}"):
                        yield f"{place}/{name}"

    def _below(self, place: str, *, directories: bool) -> list[str]:
        try:
            below, files = self._storage.listdir(place)
        except FileNotFoundError:
            return []
        return sorted(one for one in below if _TWO.match(one)) if directories else sorted(files)

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """Keep other threads and processes of this machine from saving a file of the same name.

        They would see each other's half-written files, and be given a second name for the same bytes.
        """
        lock = self._scratch / f"commit-{name[:2]}.lock"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def not_there(name: str) -> FileNotFoundError:
    """Tell that there is no such stored file."""
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


class _Part(File):  # type: ignore[type-arg]  # Django's own class takes no parameters.
    """A local file on its way into a storage.

    Storages on disk look for ``temporary_file_path`` (as Django's uploaded files have it) and move
    such a file by a rename instead of copying it.
    """

    def temporary_file_path(self) -> str:
        return str(cast("BinaryIO", self.file).name)
