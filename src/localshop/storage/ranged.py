"""A file on another machine that is read by ranges: only what is asked for comes, and none of it is kept."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from localshop.errors import StorageDamaged

from .failures import told

_BUFFER = 128 * 1024
"""A look here and there, as into a zip, is one request of so many bytes."""


class Stream(Protocol):
    """Bytes that come once, from front to end."""

    def read(self, size: int, /) -> bytes:
        """Give so many bytes, fewer only where it ends."""

    def close(self) -> None:
        """Let go of it, also before its end."""


OpenRange = Callable[[int, int], Stream]
"""Opens the bytes from the first number up to but without the second."""


def ranged_file(open_range: OpenRange, *, name: str, size: int, part: tuple[int, int] | None) -> Any:
    """Give a seekable binary file of ``size`` bytes.

    ``part``: who opens it is going to read these bytes (half-open), from front to end, so that they are
    one request. Without it the file asks for little, until it is read on and on.
    """
    return io.BufferedReader(_Ranged(open_range, name=name, size=size, part=part), _BUFFER)


class _Ranged(io.RawIOBase):
    def __init__(self, open_range: OpenRange, *, name: str, size: int, part: tuple[int, int] | None) -> None:
        self._open_range = open_range
        self._name = name
        self._size = size
        self._part = part
        self._position = 0
        self._stream: Stream | None = None
        self._at = -1
        """Where the stream is, or ended."""
        self._stop = -1
        """Up to where the stream goes."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        with told(f"The stored file {self._name} could not be read", but=FileNotFoundError):
            data = self._read(wanted)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._let_go()
        super().close()

    def _read(self, wanted: int) -> bytes:
        try:
            data = self._read_on(wanted)
        except (FileNotFoundError, StorageDamaged):
            raise
        except Exception:  # noqa: BLE001 -- of whatever library it is; a second failure is told.
            data = b""
        if not data:
            # A connection that has broken, or ended too early, is no reason to send somebody half a file.
            self._let_go()
            self._at = -1
            data = self._read_on(wanted)
        return data

    def _read_on(self, wanted: int) -> bytes:
        if self._stream is None or self._at != self._position or self._at == self._stop:
            self._open(wanted)
        assert self._stream is not None
        data = self._stream.read(min(wanted, self._stop - self._at))
        self._at += len(data)
        self._position = self._at
        return data

    def _open(self, wanted: int) -> None:
        start = self._position
        part = self._part
        if part is not None and part[0] <= start < part[1]:
            stop = part[1]
        elif start == self._at:
            # It is read on and on, so that the rest is likely to be wanted too.
            stop = self._size
        else:
            stop = min(self._size, start + max(wanted, _BUFFER))
        self._let_go()
        self._stream = self._open_range(start, stop)
        self._at, self._stop = start, stop

    def _let_go(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(Exception):
                stream.close()
