"""Sending a stored file to an ASGI client: revalidation, ranges, and bodies that cost little.

A small body comes from memory. A large one on our own disk is left to the kernel where the server can
do that, as ours does; else it is sent as slices of a memory map, so that its bytes are copied once,
into the socket. A large one from a storage elsewhere is read piece by piece in threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any

from localshop import errors
from localshop.protocol import conditional, inert

from .artifact import Artifact
from .local import ZERO_COPY, Local, small_file
from .remote import Remote, elsewhere

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


INERT: Headers = [
    *((name.encode(), value.encode()) for name, value in inert.HEADERS.items()),
    (b"accept-ranges", b"bytes"),
]

_CONDITIONAL = frozenset({b"if-none-match", b"if-range", b"range"})

logger = logging.getLogger(__name__)


async def send_file(scope: Scope, receive: Receive, send: Send, artifact: Artifact, *, private: bool) -> bool:
    """Answer a GET or HEAD with the file: 200, 206, 304 or 416 (RFC 9110, sections 13 and 14).

    Gives whether the file was given out: its first bytes went to somebody. A client that resumes, or
    fetches a file in parts, is thus counted once.

    ``private`` says that credentials opened the way here, so that shared caches keep out of it.

    ``FileNotFoundError`` (the bytes are gone) and ``errors.StorageError`` (they have another size, or
    cannot be read) are raised before anything was sent. What fails later cuts the connection.
    """
    plain = _CONDITIONAL.isdisjoint(dict(scope["headers"]))
    if not plain and is_known(scope, artifact):
        await send_empty(send, 304, headers_of(artifact, private=private, inert=False))
        return False
    place = artifact.store.place(artifact.name)
    if plain and place is not None and scope["method"] == "GET":
        data = small_file(place, artifact)
        if data is not None:
            await send(_head_of_whole(artifact, private))
            await send({"type": "http.response.body", "body": data})
            return True
    file = await _open(scope, artifact, place)
    try:
        if scope["method"] == "HEAD":
            # RFC 9110, section 14.2: a range means something for GET only.
            await send_empty(send, 200, _head_of_whole(artifact, private)["headers"])
            return False
        try:
            part = _asked_part(scope, artifact)
        except conditional.Unsatisfiable:
            extent = (b"content-range", b"bytes */%d" % artifact.size)
            refused = [*INERT, (b"cache-control", b"no-store"), extent, (b"content-length", b"0")]
            await send_empty(send, 416, refused)
            return False
        if part is None:
            head, part = _head_of_whole(artifact, private), (0, artifact.size)
        else:
            head = _head_of_part(artifact, part, private=private)
        await _send_part(receive, send, file, head=head, part=part)
        return part[0] == 0
    finally:
        await file.close()


def is_known(scope: Scope, artifact: Artifact) -> bool:
    """Whether the client has the file already (RFC 9110, section 13.1.2)."""
    known = _header(scope, b"if-none-match")
    return known is not None and conditional.matches(known, f'"{artifact.sha256}"')


def headers_of(artifact: Artifact, *, private: bool, inert: bool = True) -> Headers:
    """The headers that tell of a file, whoever sends its bytes; without its length."""
    # The URL holds the file's digest: under it there are never going to be other bytes.
    caching = b"private" if private else b"public"
    return [
        (b"etag", b'"%s"' % artifact.sha256.encode()),
        (b"cache-control", caching + b", max-age=365000000, immutable"),
        *artifact.headers,
        *(INERT if inert else ()),
    ]


@lru_cache(1024)
def _head_of_whole(artifact: Artifact, private: bool) -> dict[str, Any]:
    headers = [*headers_of(artifact, private=private), (b"content-length", b"%d" % artifact.size)]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _head_of_part(artifact: Artifact, part: tuple[int, int], *, private: bool) -> dict[str, Any]:
    start, stop = part
    headers = [
        *headers_of(artifact, private=private),
        (b"content-length", b"%d" % (stop - start)),
        (b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, artifact.size)),
    ]
    return {"type": "http.response.start", "status": 206, "headers": headers}


async def send_empty(send: Send, status: int, headers: Headers) -> None:
    """Answer with headers alone."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _asked_part(scope: Scope, artifact: Artifact) -> tuple[int, int] | None:
    """Tell which bytes (half-open) are asked for; None is all of them."""
    condition = _header(scope, b"if-range")
    # RFC 9110, section 13.1.5: only a strong match will do, and we give out no dates to compare.
    if condition is not None and condition.strip() != f'"{artifact.sha256}"':
        return None
    return conditional.byte_range(_header(scope, b"range"), artifact.size)


async def _send_part(
    receive: Receive,
    send: Send,
    file: Local | Remote,
    *,
    head: dict[str, Any],
    part: tuple[int, int],
) -> None:
    position, stop = part
    file.expect(position, stop)
    end = min(position + file.slice, stop)
    # The first bytes are fetched before the head is sent, while a failure can still be told.
    message = await file.message(position, end, more=end < stop)
    await send(head)
    if end == stop:
        await send(message)
        return
    # uvicorn's send() is silent when the client is gone. Without a watch on it a big file would be
    # read to its end for nobody.
    gone = asyncio.create_task(_until_gone(receive))
    try:
        while not gone.done():
            await send(message)
            if end == stop:
                return
            position, end = end, min(end + file.slice, stop)
            message = await file.message(position, end, more=end < stop)
    except (errors.StorageError, EOFError, OSError) as error:
        # The status is out. A response that is never completed is cut by the server, and a body
        # that is shorter than its Content-Length tells the client.
        logger.error("A response was cut. %s", error)
    finally:
        gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _header(scope: Scope, name: bytes) -> str | None:
    """Give the value of a request's header; several are one list (RFC 9110, section 5.3)."""
    found: bytes | None = None
    for key, value in scope["headers"]:
        if key == name:
            found = value if found is None else found + b", " + value
    return None if found is None else found.decode("latin-1")


async def _open(scope: Scope, artifact: Artifact, place: str | None) -> Local | Remote:
    if place is None:
        return await elsewhere(Remote, artifact, read=scope["method"] == "GET")
    return Local(place, artifact, zero_copy=ZERO_COPY in (scope.get("extensions") or ()))
