"""What can go wrong with an answer of the fake upstream, and how it is sent then."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import web

_STEP = 1 << 20
_WITHOUT_A_GOODBYE = struct.pack("ii", 1, 0)


def flipped(body: bytes) -> bytes:
    """As long, with one wrong byte in its middle."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :] if body else body


def longer(body: bytes) -> bytes:
    return body + b"and more"


def shorter(body: bytes) -> bytes:
    """Half of it, with a Content-Length that says so: not cut, but less than was promised."""
    return body[: len(body) // 2]


def garbage(body: bytes) -> bytes:
    return b"\x00\xff<<<{ not a page \xfe" * 20


def empty(body: bytes) -> bytes:
    return b""


def portal(body: bytes) -> bytes:
    """What a hotel's network answers, whatever it was asked for."""
    return b"<!DOCTYPE html><html><body><h1>Welcome to our Wi-Fi</h1><form></form></body></html>"


@dataclass(eq=False, slots=True)
class Fault:
    """What goes wrong; see the top of ``fake_upstream``."""

    pattern: str
    status: int = 0
    retry_after: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    redirect: str = ""
    hang: bool = False
    delay: float = 0.0
    drip: int = 0
    pause: int | None = None
    cut: int | None = None
    reset: int | None = None
    unsized: bool = False
    bad_gzip: bool = False
    change: Callable[[bytes], bytes] | None = None
    times: int | None = None


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def spoil(answer: Answer, fault: Fault) -> Answer:
    """The answer that is given in place of the right one, before it is encoded."""
    if fault.status:
        answer = Answer(fault.status, b"It went wrong.\n")
    if fault.retry_after:
        answer.headers["Retry-After"] = fault.retry_after
    if fault.redirect:
        answer = Answer(302, headers={"Location": fault.redirect})
    if fault.change is not None:
        answer.body = fault.change(answer.body)
    return answer


def encode(answer: Answer, *, wanted: bool, bad: bool) -> None:
    """Compress the body if that is wanted; a bad one ends in the middle of the stream."""
    if (wanted and answer.body) or bad:
        body = gzip.compress(answer.body, 6, mtime=0)
        answer.body = body[: len(body) // 2] if bad else body
        answer.headers["Content-Encoding"] = "gzip"


async def send(
    request: web.BaseRequest, answer: Answer, *, fault: Fault, holds: Callable[[], bool]
) -> web.StreamResponse:
    """Send an answer as this fault has it, as far as there is still somebody who takes it.

    ``holds``: whether the fault has not been taken back yet.
    """
    response = _Response(answer, fault)
    with suppress(ConnectionError):
        await _send(request, response, answer, fault, holds)
    return response


async def _send(
    request: web.BaseRequest,
    response: _Response,
    answer: Answer,
    fault: Fault,
    holds: Callable[[], bool],
) -> None:
    bodiless = answer.status in {204, 304}
    body = b"" if bodiless or request.method == "HEAD" else answer.body
    if not bodiless:
        response.content_length = len(answer.body)
    await response.prepare(request)
    end = min((one for one in (fault.cut, fault.reset) if one is not None), default=len(body))
    step = max(1, fault.drip // 20) if fault.drip else min(_STEP, fault.pause or _STEP)
    for start in range(0, min(end, len(body)), step):
        while fault.pause is not None and start >= fault.pause and holds():
            await asyncio.sleep(0.01)
        await response.write(body[start : min(start + step, end)])
        if fault.drip:
            await asyncio.sleep(0.05)
    transport = request.transport
    if fault.reset is not None and transport is not None:
        plain = transport.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _WITHOUT_A_GOODBYE)
        transport.abort()
    elif (fault.cut is not None or fault.unsized) and transport is not None:
        transport.close()


class _Response(web.StreamResponse):
    """One that can lack what each proper answer has."""

    def __init__(self, answer: Answer, fault: Fault) -> None:
        super().__init__(status=answer.status, headers=answer.headers)
        self._fault = fault

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        for name in self._fault.without:
            self._headers.pop(name, None)
        if self._fault.unsized:
            # HTTP/1.0's way: the body ends where the connection does, so nobody can tell that it was cut.
            self._headers.pop("Content-Length", None)
            self._headers["Connection"] = "close"
