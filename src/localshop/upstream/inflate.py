"""A body gathered under a limit, decompressed on the way, so that no bomb is ever unpacked."""

from __future__ import annotations

import zlib

from localshop.errors import UpstreamNonsense

_PIECE = 1 << 20


class Gathering:
    """Collects one body of at most ``limit`` bytes, counted after decompression.

    The HTTP client could decompress by itself, but takes a cut gzip stream for a whole one: half a
    page would be believed, and the files of its other half would vanish.

    ``url`` is for the sentences of UpstreamNonsense, which both methods raise.
    """

    def __init__(self, url: str, *, limit: int, gzip: bool) -> None:
        self._url = url
        self._limit = limit
        self._gzip = zlib.decompressobj(wbits=31) if gzip else None
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes as they came over the wire."""
        if self._gzip is None:
            self._keep(data)
            return
        while data:
            if self._gzip.eof:
                raise UpstreamNonsense(f"{self._url}: something follows the end of its gzip stream.")
            self._keep(self._inflate(self._gzip, data))
            data = self._gzip.unconsumed_tail or self._gzip.unused_data

    def finish(self) -> bytes:
        """Return the whole body."""
        while self._gzip is not None and not self._gzip.eof:
            # A full last piece may have left some output inside; nothing left means a cut stream.
            piece = self._inflate(self._gzip, b"")
            if not piece:
                raise UpstreamNonsense(f"{self._url}: its gzip stream ends too early.")
            self._keep(piece)
        return b"".join(self._pieces)

    def _inflate(self, gzip: zlib._Decompress, data: bytes) -> bytes:
        try:
            return gzip.decompress(data, _PIECE)
        except zlib.error as error:
            raise UpstreamNonsense(f"{self._url}: it is not gzip, though it says so.") from error

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise UpstreamNonsense(f"{self._url}: its answer is larger than {self._limit:,} bytes.")
        self._pieces.append(data)
