"""The store: a Django storage as the rest of the house uses it, by what that storage can do.

All of it is synchronous; on the event loop it is called in threads.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from django.core.files.storage import FileSystemStorage, Storage

from localshop import errors
from localshop.storage.anywhere import Anywhere, Keeper
from localshop.storage.disk import DiskStorage, is_inside, make_directory, sync_file, sync_way
from localshop.storage.failures import read_exactly, told
from localshop.storage.signed import LIFE, Links

if TYPE_CHECKING:
    from localshop.storage.s3 import S3

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
# A storage may have put something behind a name that was taken.
_OURS = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/\1\2[0-9a-f]{60}(?![0-9a-f])")
_S3_STORAGE = "storages.backends.s3.S3Storage"
QUARANTINE = ".quarantine"
"""The directory, among the stored files, of those that were found damaged and are nowhere else."""


class Store:
    """Package files in any Django storage, each under a name made from its sha256.

    ``scratch`` is a directory of this machine, made when it is missing, for files that are still
    arriving; it is on the file system of the stored files where they have one, so that a complete
    file becomes visible by a rename.

    ``errors.StorageError`` (``StorageFull`` when no room is left) is raised for all that goes wrong
    with a storage, save that a file is not there.

    ``redirects``: clients fetch a file from the storage itself, by a signed link, where it gives such.
    """

    def __init__(self, storage: Storage, *, scratch: Path, redirects: bool = False) -> None:
        # InMemoryStorage has path() too, with no file behind it: having the method says nothing.
        self._disk = storage if isinstance(storage, FileSystemStorage) else None
        self._s3 = _s3(storage)
        self._keeper: Keeper = self._s3 or Anywhere(storage, scratch=scratch)
        self.redirects = redirects and self._s3 is not None and self._s3.signs
        self._links = Links()
        self._scratch = scratch

    @property
    def checks_size(self) -> bool:
        """Whether reading tells, too, that a file is not there or has another size: see ``open``."""
        return self._disk is None and self._keeper.checks_size

    @property
    def scratch(self) -> Path:
        """Where files arrive. If it cannot be made, whoever writes there is told why."""
        if not self._scratch.is_dir():
            # A store that can only be read is there to be read: that must not fail here.
            with suppress(OSError):
                make_directory(self._scratch)
        return self._scratch

    def name_for(self, sha256: str) -> str:
        """Give the name for the file with this digest (64 lower-case hex digits): ``aa/bb/<sha256>``."""
        if not _SHA256.match(sha256):
            raise ValueError(f"not a sha256 in lower-case hex: {sha256!r}")
        return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"

    def commit(self, part: Path, *, sha256: str) -> str:
        """Make the complete file ``part`` visible as the file with this digest; ``part`` is gone then.

        The caller has computed ``sha256`` from these very bytes. Returns the name that the storage
        knows the file by, which a foreign storage may have chosen itself. Doing it again, also at
        the same time, is harmless. When it fails ``part`` may still be there, for the caller to
        try again or to delete.

        Our own storage takes the new bytes in each time: they were hashed a moment ago, while those
        that are there may have rotted. A foreign storage keeps a file of the same size.
        """
        name = self.name_for(sha256)
        with told(f"The file {sha256} could not be stored"):
            size = _size_on_disk(part)
            if size is None:
                raise errors.StorageError(f"The file {sha256} could not be stored: it has not arrived.")
            if self._disk is not None:
                sync_file(part)
            if isinstance(self._disk, DiskStorage):
                return self._disk.adopt(part, name)
            saved = self._keeper.put(part, name, size=size)
            if self._disk is not None:
                sync_way(Path(self._disk.path(saved)), saved)
            part.unlink(missing_ok=True)
            return saved

    def place(self, name: str) -> str | None:
        """Give where the file is (or would be) on this machine; None if the storage has no such place."""
        _check(name)
        return None if self._disk is None else self._disk.path(name)

    def local_path(self, name: str) -> Path | None:
        """Give the same as a ``Path``, which takes longer to make than a small file to read."""
        place = self.place(name)
        return None if place is None else Path(place)

    def size(self, name: str) -> int | None:
        """Tell the stored file's size in bytes; None when it is not there."""
        with told(f"The stored file {name} could not be looked at"):
            path = self.local_path(name)
            return self._keeper.size(name) if path is None else _size_on_disk(path)

    def open(self, name: str, *, size: int | None = None, part: tuple[int, int] | None = None) -> BinaryIO:
        """Open a stored file for reading; ``FileNotFoundError`` when it is not there.

        ``size``: what it should have, if somebody knows. A storage for which ``checks_size`` is true then
        looks at the file with the first read only: ``FileNotFoundError``, ``StorageDamaged``.
        ``part``: the bytes (half-open) that are going to be read, from front to end; without it, reading
        here and there costs least.
        """
        with told(f"The stored file {name} could not be opened", but=FileNotFoundError):
            path = self.local_path(name)
            if path is not None:
                return path.open("rb")
            return self._keeper.open(name, size=size, part=part)

    def read(self, name: str, *, start: int, stop: int) -> bytes:
        """Read the bytes from ``start`` up to but without ``stop``, all of them.

        ``FileNotFoundError`` when the file is not there, ``errors.StorageError`` when it is shorter.
        """
        with self.open(name, part=(start, stop)) as file:
            return read_exactly(file, name, start=start, stop=stop)

    def link(self, name: str) -> str | None:
        """A signed link to a stored file that was made a while ago and is still good, at no cost."""
        return self._links.get(name)

    def sign(self, name: str) -> str:
        """Make a link that opens a stored file for a few minutes, for whoever has it.

        Only where ``redirects`` says so. Whether the file is there is not looked at.
        """
        assert self._s3 is not None
        _check(name)
        with told(f"A link to the stored file {name} could not be signed"):
            url = self._s3.signed_url(name, seconds=LIFE)
        self._links.put(name, url)
        return url

    def delete(self, name: str) -> None:
        """Delete a stored file; one that is not there is fine."""
        with told(f"The stored file {name} could not be deleted"):
            _check(name)
            self._links.forget(name)
            self._keeper.delete(name)

    def names(self) -> Iterator[str]:
        """Give the names of the stored files, in order: of all that have the shape of ours."""
        with told("The stored files could not be listed"):
            yield from self._keeper.names(_OURS)

    def modified(self, name: str) -> float | None:
        """When the file came, in seconds since the epoch; None when it is not there."""
        with told(f"The stored file {name} could not be looked at"):
            path = self.local_path(name)
            if path is None:
                return self._keeper.modified(name)
            try:
                return path.stat().st_mtime
            except FileNotFoundError:
                return None

    def set_aside(self, name: str, *, sha256: str) -> str:
        """Move a stored file to where no name of ours leads, for people to look at; tells where it is.

        One that is not there is fine.
        """
        aside = f"{sha256}-{secrets.token_hex(4)}"
        with told(f"The stored file {name} could not be set aside"):
            path = self.local_path(name)
            if path is not None and self._disk is not None:
                directory = Path(self._disk.path(""), QUARANTINE)
                make_directory(directory)
                with suppress(FileNotFoundError):
                    path.replace(directory / aside)
                sync_file(directory)
                return str(directory / aside)
            self._links.forget(name)
            there = self._keeper.size(name) is not None
            return self._keeper.move(name, f"quarantine/{aside}") if there else ""

    def try_out(self) -> None:
        """Store a small file, read it, and delete it again; raises ``StorageError`` if one of these fails."""
        # The same each time, so that no directories gather that it was in.
        data = b"localshop tries out its storage\n"
        sha256 = hashlib.sha256(data).hexdigest()
        part = self.scratch / f"trial-{secrets.token_hex(8)}.part"
        try:
            with told("A file could not be written where files arrive"):
                part.write_bytes(data)
            # Else a storage that has it from a trial that was cut would not be written to.
            self.delete(self.name_for(sha256))
            name = self.commit(part, sha256=sha256)
            found = self.read(name, start=0, stop=len(data))
            self.delete(name)
        except FileNotFoundError:
            found = b""
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        if found != data:
            raise errors.StorageError("What was just stored is not there, or is something else.")

    def takes_files(self) -> bool:
        """Tell whether a file could arrive now: a disk may be full or read only, a storage elsewhere away."""
        trial = self.scratch / f"trial-{secrets.token_hex(8)}.part"
        try:
            trial.write_bytes(b"trial")
            trial.unlink()
            if self._disk is None:
                with told("The storage does not answer"):
                    self._keeper.size(self.name_for("0" * 64))
        except (OSError, errors.StorageError):
            return False
        return True

    def room(self) -> tuple[int, int]:
        """Free bytes, and all bytes, where files arrive: for files on disk that is where they stay."""
        with told("The room on the disk could not be told"):
            found = shutil.disk_usage(self.scratch)
            return found.free, found.total


def _s3(storage: Storage) -> S3 | None:
    """What S3 can do beyond Django's interface, if it is that. Only who uses it has its libraries."""
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(storage).__mro__}
    if _S3_STORAGE not in kinds:
        return None
    from localshop.storage.s3 import S3  # noqa: PLC0415

    return S3(storage)


def _check(name: str) -> None:
    """Refuse a name that no store gives out: ours come from our tables, so this is a bug or an attack."""
    if not is_inside(name):
        raise errors.StorageError(f"The name {name!r} is not one of a stored file.")


def _size_on_disk(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
