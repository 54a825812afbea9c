"""Reading an answer whose head has come: its extent, its body, and what a failure amounts to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Literal, NoReturn, TypeAlias

import aiohttp

from localshop.errors import UpstreamDenied, UpstreamNonsense, UpstreamUnavailable
from localshop.upstream.addresses import shown
from localshop.upstream.headers import content_range, moment, retry_after
from localshop.upstream.inflate import Gathering

from .told import told

Response: TypeAlias = aiohttp.ClientResponse
"""An answer; who leaves its context gives the connection back."""


def fail(response: Response) -> NoReturn:
    """Raise what an answer amounts to that is not of the kind that was asked for."""
    sentence = f"{shown(response.url)} answered {response.status}."
    if 400 <= response.status < 500 and response.status not in {408, 416, 425, 429}:
        raise UpstreamDenied(sentence, status=response.status)
    if response.status >= 400 and response.status != 416:
        # A date that it gives is one of its own clock.
        now = moment(response.headers.get("Date", "")) or datetime.now(UTC)
        wait = retry_after(response.headers.get("Retry-After", ""), now=now)
        raise UpstreamUnavailable(sentence, retry_after=wait)
    raise UpstreamNonsense(sentence)


async def pieces(response: Response, begin: int, size: int | None) -> AsyncIterator[bytes]:
    """Give a body as it comes, which begins at ``begin`` of a file of ``size`` bytes (None: not known)."""
    url, reached = str(response.url), begin
    while True:
        with told(url):
            piece = await response.content.readany()
        if not piece:
            break
        reached += len(piece)
        yield piece
    if size is not None and reached != size:
        raise UpstreamUnavailable(f"{shown(url)} stopped at {reached:,} of {size:,} bytes.")


async def whole(response: Response, *, limit: int, gzip: bool) -> bytes:
    """Gather a body of at most ``limit`` bytes, counted after decompression."""
    name = shown(response.url)
    if (response.content_length or 0) > limit:
        raise UpstreamNonsense(f"{name}: its answer is larger than {limit:,} bytes.")
    gathering = Gathering(name, limit=limit, gzip=gzip)
    while piece := await response.content.readany():
        gathering.feed(piece)
    return gathering.finish()


def extent(response: Response, *, asked: int | None) -> tuple[Literal[200, 206], int, int | None]:
    """Return the status, where the body begins, and the size of the whole file."""
    if response.status == 200:
        return 200, 0, response.content_length
    if response.status != 206:
        fail(response)
    part = content_range(response.headers.get("Content-Range", ""))
    if asked is None or part is None or part[0] != asked:
        raise UpstreamNonsense(f"{shown(response.url)} answered with a part that was not asked for.")
    return 206, asked, part[2]
