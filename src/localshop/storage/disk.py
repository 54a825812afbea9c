"""Our own storage on disk: a file is there whole and durable, or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.utils.functional import cached_property

from localshop import config

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
SCRATCH = ".tmp"
COPY_SIZE = 1 << 20


class DiskStorage(FileSystemStorage):
    """A Django storage in one directory, ``<home>/files`` unless ``location`` says another.

    A file is written below ``.tmp`` on the same file system, fsynced, renamed to its name, and then
    the directories that lead to it are fsynced: neither a crash nor a power cut leaves a part of a
    file visible, and what was saved stays. Saving under a name that exists replaces that file in
    one step; readers that have it open keep the old bytes. Files get mode 0600 and directories
    0700; with ``group_readable`` their group may read them too, whatever the umask says, as a web
    server does that sends them in our place.

    A name that could leave the location, or that has a segment starting with a dot, raises
    ``SuspiciousFileOperation``; errors of the operating system come as ``OSError``.
    """

    def __init__(
        self,
        location: str | os.PathLike[str] | None = None,
        base_url: str | None = None,
        *,
        group_readable: bool = False,
    ) -> None:
        super().__init__(location=location, base_url=base_url, allow_overwrite=True)
        self._given = location
        self._group_readable = group_readable
        self._file_mode = FILE_MODE | 0o040 if group_readable else FILE_MODE

    @cached_property
    def base_location(self) -> str:
        """Where the files are, as it was given."""
        return os.fspath(config.current().home / "files" if self._given is None else self._given)

    @property
    def scratch(self) -> Path:
        """The directory for files that are being written; no name reaches it."""
        return Path(self.location, SCRATCH)

    def path(self, name: str | os.PathLike[str]) -> str:
        """Give the absolute path of ``name``; the empty name is the location itself."""
        text = os.fspath(name)
        if not text:
            return str(self.location)
        if not is_inside(text):
            raise SuspiciousFileOperation(f"The name {text!r} is not one of a stored file.")
        return f"{self.location}/{text}"

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """List directories and files below ``path``, without what is only being written."""
        directories, files = super().listdir(path)
        return [name for name in directories if name != SCRATCH], files

    def adopt(self, path: Path, name: str) -> str:
        """Take the file at ``path``, complete and fsynced, into the storage as ``name``.

        It is moved by a rename; from another file system it is copied. Returns the name.
        """
        target = self._place(name)
        path.chmod(self._file_mode)
        try:
            path.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with path.open("rb") as original:
                self._write(iter(partial(original.read, COPY_SIZE), b""), target)
            path.unlink()
        sync_way(target, name)
        return name

    def _save(self, name: str, content: File[Any]) -> str:
        target = self._place(name)
        self._write((_as_bytes(chunk) for chunk in content.chunks()), target)
        sync_way(target, name)
        return name

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        # A file that is written in place would be visible half, and would change under its readers.
        if set(mode) & set("wax+"):
            raise ValueError(f"Stored files are opened for reading only, not with mode {mode!r}.")
        return File(Path(self.path(name)).open(mode))

    def _place(self, name: str) -> Path:
        """Give the path that ``name`` is going to have, and make the directories to it."""
        target = Path(self.path(name))
        location = Path(self.location)
        if not location.is_dir():
            make_directory(location)
            sync_directory(location.parent)
            self._open_to_group(location)
        if not target.parent.is_dir():
            make_directory(target.parent)
            for directory in [*target.parents][: name.count("/")]:
                self._open_to_group(directory)
        return target

    def _open_to_group(self, directory: Path) -> None:
        """Let the group in. What else its owner has set there stays, such as whose group new files get."""
        if self._group_readable:
            directory.chmod(stat.S_IMODE(directory.stat().st_mode) | 0o050)

    def _write(self, chunks: Iterable[bytes], target: Path) -> None:
        """Write a whole file aside, fsync it, and let it appear at ``target``."""
        make_directory(self.scratch)
        aside = self.scratch / f"save-{secrets.token_hex(12)}"
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, self._file_mode)
                file.writelines(chunks)
                file.flush()
                os.fsync(descriptor)
            aside.replace(target)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


@lru_cache(1024)
def is_inside(name: str) -> bool:
    """Tell whether ``name`` stays below whatever directory it is put in, and is not hidden there."""
    if "\0" in name or "\\" in name:
        return False
    return all(segment[:1] not in ("", ".") for segment in name.split("/"))


def make_directory(directory: Path) -> None:
    """Make ``directory`` and those above it that are missing, for nobody but ourselves."""
    try:
        directory.mkdir(DIRECTORY_MODE, exist_ok=True)
    except FileNotFoundError:
        if directory.parent == directory:
            raise
        make_directory(directory.parent)
        directory.mkdir(DIRECTORY_MODE, exist_ok=True)


def sync_file(path: Path) -> None:
    """Have the bytes of the file, or the entries of the directory, on the disk before going on."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


sync_directory = sync_file


def sync_way(path: Path, name: str) -> None:
    """Fsync the directories that lead to ``path``, from its own up to the one that ``name`` is relative to.

    Another writer may have made one of them a moment ago without having come to its fsync yet, so
    whoever says that a file is durable makes sure of the whole way.
    """
    for directory, _segment in zip(path.parents, name.split("/"), strict=False):
        sync_directory(directory)


def _as_bytes(chunk: bytes | str) -> bytes:
    return chunk.encode() if isinstance(chunk, str) else chunk
