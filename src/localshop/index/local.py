"""A stored file on this machine: a small one is kept in memory, a large one left to the kernel."""

from __future__ import annotations

import asyncio
import functools
import mmap
import os
import stat
from collections.abc import MutableMapping
from typing import Any

from localshop import errors
from localshop.shop.cache import Cache

from .artifact import Artifact, check_size

# Up to this many bytes a read in place takes less time than a thread takes to be asked.
INLINE = 256 * 1024
ZERO_COPY = "http.response.zerocopysend"
"""An extension of ASGI: the server has the kernel send a part of a file."""
_SLICE, _ZERO_COPY_SLICE = 1 << 20, 4 << 20
_SMALL = 64 * 1024
_small: Cache[bytes] = Cache(16 << 20)
"""Small files, by place, and each of the state that the file had there when it was read."""


def small_file(place: str, artifact: Artifact) -> bytes | None:
    """Give all bytes of a small stored file, None of a large one; raises what ``Local`` raises."""
    if artifact.size > _SMALL:
        return None
    try:
        # A Path takes longer to make than all of this.
        data = _small.get(place, state=_state(os.stat(place)))  # noqa: PTH116
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(artifact, error) from error
    if data is None:
        data, state = _read_whole(place, artifact)
        _small.put(place, data, weight=len(data) + 500, state=state)
    check_size(artifact, len(data))
    return data


def _read_whole(place: str, artifact: Artifact) -> tuple[bytes, tuple[int, ...]]:
    file = Local(place, artifact, zero_copy=False)
    try:
        return file.read(0, artifact.size), file.state
    finally:
        file.let_go()


def _state(found: os.stat_result) -> tuple[int, ...]:
    """What is different when a file was written to, or another one is there."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Local:
    """A stored file on this machine; making one raises ``FileNotFoundError`` or ``errors.StorageError``.

    ``zero_copy``: the server knows that extension.
    """

    def __init__(self, place: str, artifact: Artifact, *, zero_copy: bool) -> None:
        self._artifact, self._zero_copy = artifact, zero_copy
        self.slice = _ZERO_COPY_SLICE if zero_copy else _SLICE
        """Bytes of a message at the most; for each of them a thread is asked."""
        self._map: memoryview | None = None
        try:
            self._descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _unreadable(artifact, error) from error
        try:
            found = os.fstat(self._descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise errors.StorageError(f"The stored file {artifact.name} is not a regular file.")
            check_size(artifact, found.st_size)
            self.state = _state(found)
        except BaseException:
            os.close(self._descriptor)
            raise

    def expect(self, start: int, stop: int) -> None:
        """Nothing is read before it is asked for."""

    async def message(self, start: int, stop: int, *, more: bool) -> MutableMapping[str, Any]:
        """Give the message that sends the bytes from ``start`` up to ``stop``; ``errors.StorageError``."""
        if stop - start <= INLINE:
            body: bytes | memoryview = self.read(start, stop)
        elif self._zero_copy and await asyncio.to_thread(self._ready, start, stop):
            return {
                "type": ZERO_COPY,
                "file": self,
                "offset": start,
                "count": stop - start,
                "more_body": more,
            }
        else:
            body = await asyncio.to_thread(self._slice, start, stop)
        return {"type": "http.response.body", "body": body, "more_body": more}

    def read(self, start: int, stop: int) -> bytes:
        """Give these bytes, all of them; ``errors.StorageError``."""
        try:
            data = os.pread(self._descriptor, stop - start, start)
        except OSError as error:
            raise _unreadable(self._artifact, error) from error
        if len(data) != stop - start:
            raise errors.StorageError(
                f"The stored file {self._artifact.name} was cut while it was being sent."
            )
        return data

    def fileno(self) -> int:
        """Give the descriptor, for the server."""
        return self._descriptor

    async def close(self) -> None:
        self.let_go()

    def let_go(self) -> None:
        """Close it."""
        # The map is not closed here: the server may hold slices of it that are still on their way
        # to the socket. It goes with the last of them.
        self._map = None
        os.close(self._descriptor)

    def _ready(self, start: int, stop: int) -> bool:
        try:
            _bring_into_memory(self._descriptor, start, stop)
        except (OSError, ValueError):
            return False
        return True

    def _slice(self, start: int, stop: int) -> bytes | memoryview:
        try:
            if self._map is None:
                size = self._artifact.size
                self._map = memoryview(mmap.mmap(self._descriptor, size, access=mmap.ACCESS_READ))
            _bring_into_memory(self._descriptor, start, stop)
        except (OSError, ValueError):
            # Not each file system can be mapped or spliced, and a file that was cut since cannot.
            return self.read(start, stop)
        return self._map[start:stop]


def _unreadable(artifact: Artifact, error: OSError) -> errors.StorageError:
    return errors.StorageError(f"The stored file {artifact.name} could not be read: {error.strerror}.")


def _bring_into_memory(descriptor: int, start: int, stop: int) -> None:
    """Wait until these bytes of the file are in the page cache, in a thread.

    Else it is the event loop that waits for a slow disk, while the kernel reads the file or its map
    for the socket. Sending them to nowhere copies nothing and lets go of the interpreter meanwhile, which
    ``mmap.madvise(MADV_POPULATE_READ)`` does not: measured, a cold disk stood still the loop for as
    long as the read took.
    """
    while start < stop:
        sent = os.sendfile(_nowhere(), descriptor, start, stop - start)
        if not sent:
            raise ValueError("the file ends before the range does")
        start += sent


@functools.cache
def _nowhere() -> int:
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
