"""The bytes inside of a gzip file, one after the other, with a limit on how many come out."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from localshop.errors import UploadRefused
from localshop.protocol.archives.rules import CHUNK, SDISTS

_GZIP = 16 + zlib.MAX_WBITS


class Unzipped:
    """Reads forward only. ``position`` counts the bytes that were given or skipped.

    One gzip member and nothing behind it: some unpackers go on to a second one, others stop, and so a second
    one would be there for some only.
    """

    def __init__(self, file: BinaryIO, *, limit: int) -> None:
        self.position = 0
        self._file = file
        self._limit = limit
        self._came = 0
        self._inflater = zlib.decompressobj(_GZIP)
        self._held = memoryview(b"")

    def read(self, count: int) -> bytes:
        """Give ``count`` bytes, fewer only at the end; refuses broken data and too much of it."""
        parts = []
        while count and (self._held or self._fill()):
            part = self._held[:count]
            self._held = self._held[len(part) :]
            self.position += len(part)
            count -= len(part)
            parts.append(part)
        return b"".join(parts)

    def skip(self, count: int) -> bool:
        """Leave out ``count`` bytes; tells whether there were as many."""
        while count > 0 and (self._held or self._fill()):
            step = min(count, len(self._held))
            self._held = self._held[step:]
            self.position += step
            count -= step
        return count <= 0

    def only_zeros_left(self) -> bool:
        """Read on to the end and tell whether nothing but zeros came."""
        while self._held or self._fill():
            if bytes(self._held).strip(b"\0"):
                return False
            self.position += len(self._held)
            self._held = memoryview(b"")
        return True

    def _fill(self) -> bool:
        """Inflate some more; False at the end, once length and checksum were found right."""
        while not self._inflater.eof:
            data = self._inflater.unconsumed_tail or self._file.read(CHUNK)
            try:
                piece = self._inflater.decompress(data, 16 * CHUNK)
            except zlib.error as error:
                raise UploadRefused(
                    "gzip-damaged", f"The file is no gzip archive, or is damaged: {error}.", link=SDISTS
                ) from error
            self._came += len(piece)
            if self._came > self._limit:
                raise UploadRefused(
                    "archive-too-large", f"More than {self._limit} bytes come out of the archive; too many."
                )
            if piece:
                self._held = memoryview(piece)
                return True
            if not data:
                raise UploadRefused("gzip-damaged", "The gzip archive is cut.", link=SDISTS)
        if self._inflater.unused_data or self._file.read(1):
            raise UploadRefused(
                "gzip-trailing-data", "Behind the end of the gzip archive is more data.", link=SDISTS
            )
        return False
