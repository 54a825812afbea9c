"""Sending a stored file to an ASGI client: revalidation, ranges, and bodies that cost little.

A small body is read in place. A large one on our own disk is sent as slices of a memory map, so
that its bytes are copied once, by the kernel, into the socket. A large one from a storage elsewhere
is read piece by piece in threads.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import mmap
import os
import stat
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from localshop import errors
from localshop.protocol import conditional, inert

from .artifact import Artifact, check_size
from .remote import Remote, elsewhere

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# Up to this many bytes a read in place takes less time than a thread takes to be asked.
INLINE = 256 * 1024
SLICE = 1024 * 1024

INERT: Headers = [
    *((name.encode(), value.encode()) for name, value in inert.HEADERS.items()),
    (b"accept-ranges", b"bytes"),
]

logger = logging.getLogger(__name__)


async def send_file(scope: Scope, receive: Receive, send: Send, artifact: Artifact, *, private: bool) -> bool:
    """Answer a GET or HEAD with the file: 200, 206, 304 or 416 (RFC 9110, sections 13 and 14).

    Gives whether the file was given out: its first bytes went to somebody. A client that resumes, or
    fetches a file in parts, is thus counted once.

    ``private`` says that credentials opened the way here, so that shared caches keep out of it.

    ``FileNotFoundError`` (the bytes are gone) and ``errors.StorageError`` (they have another size, or
    cannot be read) are raised before anything was sent. What fails later cuts the connection.
    """
    etag = f'"{artifact.sha256}"'
    if is_known(scope, artifact):
        await send_empty(send, 304, headers_of(artifact, private=private, inert=False))
        return False
    file = await _open(artifact, read=scope["method"] == "GET")
    try:
        headers = headers_of(artifact, private=private)
        if scope["method"] == "HEAD":
            # RFC 9110, section 14.2: a range means something for GET only.
            await send_empty(send, 200, [*headers, _length(artifact.size)])
            return False
        try:
            part = _asked_part(scope, artifact, etag=etag)
        except conditional.Unsatisfiable:
            whole = (b"content-range", b"bytes */%d" % artifact.size)
            refused = [*INERT, (b"cache-control", b"no-store"), whole, _length(0)]
            await send_empty(send, 416, refused)
            return False
        start, stop = part or (0, artifact.size)
        headers.append(_length(stop - start))
        if part is not None:
            headers.append((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, artifact.size)))
        head = {"type": "http.response.start", "status": 200 if part is None else 206, "headers": headers}
        await _send_part(receive, send, file, head=head, part=(start, stop))
        return start == 0
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


async def send_empty(send: Send, status: int, headers: Headers) -> None:
    """Answer with headers alone."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _asked_part(scope: Scope, artifact: Artifact, *, etag: str) -> tuple[int, int] | None:
    """Tell which bytes (half-open) are asked for; None is all of them."""
    condition = _header(scope, b"if-range")
    # RFC 9110, section 13.1.5: only a strong match will do, and we give out no dates to compare.
    if condition is not None and condition.strip() != etag:
        return None
    return conditional.byte_range(_header(scope, b"range"), artifact.size)


async def _send_part(
    receive: Receive, send: Send, file: _Local | Remote, *, head: dict[str, Any], part: tuple[int, int]
) -> None:
    position, stop = part
    file.expect(position, stop)
    # The first bytes are fetched before the head is sent, while a failure can still be told.
    piece = await file.piece(position, min(position + SLICE, stop))
    await send(head)
    if position + len(piece) == stop:
        await send({"type": "http.response.body", "body": piece})
        return
    # uvicorn's send() is silent when the client is gone. Without a watch on it a big file would be
    # read to its end for nobody.
    gone = asyncio.create_task(_until_gone(receive))
    try:
        while not gone.done():
            position += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": position < stop})
            if position == stop:
                return
            piece = await file.piece(position, min(position + SLICE, stop))
    except errors.StorageError as error:
        # The status is out. A response that is never completed is cut by the server, and a body
        # that is shorter than its Content-Length tells the client.
        logger.error("A response was cut. %s", error.sentence)
    finally:
        gone.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _length(size: int) -> tuple[bytes, bytes]:
    return (b"content-length", b"%d" % size)


def _header(scope: Scope, name: bytes) -> str | None:
    """Give the value of a request's header; several are one list (RFC 9110, section 5.3)."""
    found: bytes | None = None
    for key, value in scope["headers"]:
        if key == name:
            found = value if found is None else found + b", " + value
    return None if found is None else found.decode("latin-1")


async def _open(artifact: Artifact, *, read: bool) -> _Local | Remote:
    place = artifact.store.place(artifact.name)
    if place is not None:
        return _Local(place, artifact)
    return await elsewhere(Remote, artifact, read=read)


class _Local:
    """A stored file on this machine."""

    def __init__(self, place: str, artifact: Artifact) -> None:
        self._name, self._size = artifact.name, artifact.size
        self._map: memoryview | None = None
        try:
            self._descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            found = os.fstat(self._descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise errors.StorageError(f"The stored file {self._name} is not a regular file.")
            check_size(artifact, found.st_size)
        except BaseException:
            os.close(self._descriptor)
            raise

    def expect(self, start: int, stop: int) -> None:
        """Nothing is read before it is asked for."""

    async def piece(self, start: int, stop: int) -> bytes | memoryview:
        """Give the bytes from ``start`` up to ``stop``, all of them; ``errors.StorageError``."""
        if stop - start <= INLINE:
            return self._read(start, stop)
        return await asyncio.to_thread(self._slice, start, stop)

    async def close(self) -> None:
        # The map is not closed here: the server may hold slices of it that are still on their way
        # to the socket. It goes with the last of them.
        self._map = None
        os.close(self._descriptor)

    def _slice(self, start: int, stop: int) -> bytes | memoryview:
        try:
            if self._map is None:
                self._map = memoryview(mmap.mmap(self._descriptor, self._size, access=mmap.ACCESS_READ))
            _bring_into_memory(self._descriptor, start, stop)
        except (OSError, ValueError):
            # Not each file system can be mapped or spliced, and a file that was cut since cannot.
            return self._read(start, stop)
        return self._map[start:stop]

    def _read(self, start: int, stop: int) -> bytes:
        try:
            data = os.pread(self._descriptor, stop - start, start)
        except OSError as error:
            raise self._unreadable(error) from error
        if len(data) != stop - start:
            raise errors.StorageError(f"The stored file {self._name} was cut while it was being sent.")
        return data

    def _unreadable(self, error: OSError) -> errors.StorageError:
        return errors.StorageError(f"The stored file {self._name} could not be read: {error.strerror}.")


def _bring_into_memory(descriptor: int, start: int, stop: int) -> None:
    """Wait until these bytes of the file are in the page cache, in a thread.

    Else it is the event loop that waits for a slow disk, while the kernel reads the map for the
    socket. Sending them to nowhere copies nothing and lets go of the interpreter meanwhile, which
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
