"""Sends a file that is still on its way: what has come, as it comes."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from localshop.errors import LocalshopError
from localshop.mirror.download import Download
from localshop.mirror.file import Coming
from localshop.mirror.patience import in_time
from localshop.observe.log import event, get_logger
from localshop.protocol import conditional

from .answers import Receive, Scope, Send
from .send import INERT

_PIECE = 1 << 20

log = get_logger(__name__)


async def send_coming(scope: Scope, receive: Receive, send: Send, coming: Coming, *, private: bool) -> bool:
    """Answer a GET or HEAD with a file that is being fetched: 200, 206 or 416.

    Gives whether the file was given out: its first bytes went to somebody.

    Its size is known. The last bytes of the answer are sent only once the file's digest was found
    right; when it is not, or the upstream fails for good, the connection is cut and the client sees a
    short body. Raises the upstream's error as long as nothing was sent.
    """
    download, sha256 = coming.download, coming.sha256
    size = await download.told_size()
    headers = [*INERT]
    if sha256:
        caching = b"private" if private else b"public"
        headers.append((b"etag", f'"{sha256}"'.encode()))
        headers.append((b"cache-control", caching + b", max-age=365000000, immutable"))
    else:
        headers.append((b"cache-control", b"no-store"))
    try:
        part = _asked_part(scope, size, etag=f'"{sha256}"' if sha256 else "")
    except conditional.Unsatisfiable:
        headers = [*INERT, (b"content-range", b"bytes */%d" % size), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 416, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return False
    start, stop = part or (0, size)
    headers.append((b"content-length", str(stop - start).encode()))
    if part is not None:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, size)))
    head: dict[str, Any] = {
        "type": "http.response.start",
        "status": 200 if part is None else 206,
        "headers": headers,
    }
    if scope["method"] == "HEAD":
        await send(head)
        await send({"type": "http.response.body", "body": b""})
        return False
    fd = await download.open_part()
    try:
        # A failure before the first byte can still be told as one.
        async with in_time("The end of this file", until=coming.until):
            free = await download.released(fd, start, stop=stop)
        await send(head)
        await _send_growing(receive, send, download, fd=fd, free=free, part=(start, stop))
    finally:
        os.close(fd)
    return start == 0


def _asked_part(scope: Scope, size: int, *, etag: str) -> tuple[int, int] | None:
    asked = condition = None
    for name, value in scope["headers"]:
        if name == b"range":
            asked = value.decode("latin-1")
        elif name == b"if-range":
            condition = value.decode("latin-1").strip()
    if scope["method"] == "HEAD" or (condition is not None and condition != etag):
        return None
    return conditional.byte_range(asked, size)


async def _send_growing(
    receive: Receive,
    send: Send,
    download: Download,
    *,
    fd: int,
    free: int,
    part: tuple[int, int],
) -> None:
    """Send the part as it comes; up to ``free`` it may be sent at once."""
    position, stop = part
    gone = asyncio.create_task(_until_gone(receive))
    try:
        while position < stop and not gone.done():
            if free <= position:
                free = await download.released(fd, position, stop=stop)
                if free <= position:
                    return
            data = os.pread(fd, min(_PIECE, free - position, stop - position), position)
            if not data:
                return
            position += len(data)
            await send({"type": "http.response.body", "body": data, "more_body": position < stop})
    except LocalshopError as error:
        # The status is out. An answer that is never completed is cut by the server, which the client
        # notices.
        event(log, logging.WARNING, error.slug, f"A response was cut. {error.sentence}")
    finally:
        gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
