"""What an upstream answered, as values: a page, something small, or a stream of a file's bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """A project page. ``unchanged`` is only ever said when the caller asked conditionally."""

    state: Literal["found", "absent", "unchanged"]
    body: bytes = b""
    """Decompressed; at most 64 MiB."""
    content_type: str = ""
    url: str = ""
    """Where the page was in the end, after redirects: what its relative links are relative to."""
    etag: str = ""
    last_modified: str = ""
    serial: int | None = None
    """``X-PyPI-Last-Serial``: a lower one than was seen before comes from a stale node."""
    date: datetime | None = None
    """What the upstream's clock says."""


@dataclass(frozen=True, slots=True)
class SmallAnswer:
    """Metadata, or a range of a file. With 404 there is no body."""

    status: Literal[200, 206, 404]
    body: bytes = b""
    total: int | None = None
    """Bytes of the whole file, as far as the upstream told."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A file on its way. Valid only inside the context that gave it."""

    status: Literal[200, 206]
    size: int | None
    """Bytes of the whole file, or None when the upstream does not tell."""
    start: int
    """Where the body begins: 0 when the upstream ignored the range, or the file has changed."""
    etag: str
    pieces: AsyncIterator[bytes] = field(repr=False)

    def chunks(self) -> AsyncIterator[bytes]:
        """Give the body, once, in pieces of at most 1 MiB or so, as soon as they are here.

        Raises UpstreamUnavailable when the upstream fails on the way or stops short.
        """
        return self.pieces
