"""One request and its answer on the wire: a whole answer leaves in one piece, a refusal with its sentence.

A small subclass of uvicorn's own. That writes the head of an answer and then its body, each of them a
system call, and a packet that wakes the client up: measured, a page costs a sixth less CPU when they
are one. And it has no way to tell a reason in the status line, of which twine shows nothing else:
``http.response.start`` has it as ``reason``, a key of ours that other servers ignore.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http import httptools_impl

from localshop.index.local import ZERO_COPY

from .from_file import send_from_file

_BODILESS = frozenset({204, 304})
# Up to this many bytes of a body are copied behind the head in less time than two pieces are sent in.
_COPIED = 64 << 10
_FORBIDDEN = re.compile(rb"[^\t\x20-\x7e\x80-\xff]+")
# A line break in a header would let whoever is quoted in it write headers of his own.
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

# Found once: through `super` it takes as long again as all else that is done here for a request.
_send = httptools_impl.RequestResponseCycle.send


class _Exchange(httptools_impl.RequestResponseCycle):
    """Holds the head of an answer back until its body comes."""

    _start: dict[str, Any] | None = None

    async def send(self, message: ASGISendEvent) -> None:
        """Send one message of the answer; what is not whole is sent as uvicorn does it."""
        if message["type"] == "http.response.start" and not self.response_started:
            self._start = cast("dict[str, Any]", message)
            return
        start, self._start = self._start, None
        if start is not None:
            if self.flow.write_paused and not self.disconnected:
                await self.flow.drain()
            body = cast("bytes", message.get("body", b""))
            whole = message["type"] == "http.response.body" and not message.get("more_body")
            if whole and not self.disconnected and self._send_whole(start, body):
                return
            await _send(self, cast("ASGISendEvent", start))
        if message["type"] == ZERO_COPY:
            await self._send_from_file(cast("dict[str, Any]", message))
        else:
            await _send(self, message)

    def _send_whole(self, start: dict[str, Any], body: bytes) -> bool:
        """Send head and body, if the body is as long as the head says; else False."""
        status, reason = start["status"], start.get("reason")
        ours, known = _lines(tuple(self.default_headers)), _lines(tuple(start["headers"]))
        if ours is None or known is None:
            return False
        if self.scope["method"] == "HEAD":
            body = b""
        elif known.length != len(body) and (body or status not in _BODILESS):
            return False
        line = status_line(status, reason) if reason else httptools_impl.STATUS_LINE[status]
        last = known.closes or not self.keep_alive
        end = b"\r\n" if known.closes or self.keep_alive else b"connection: close\r\n\r\n"
        if len(body) <= _COPIED:
            self.transport.write(b"".join((line, ours.text, known.text, end, body)))
        else:
            self.transport.writelines((b"".join((line, ours.text, known.text, end)), body))
        self._finish(last=last)
        return True

    async def _send_from_file(self, message: dict[str, Any]) -> None:
        """Send a part of a file behind what was sent before."""
        start, count = message["offset"], message["count"]
        if self.disconnected:
            return
        if count > self.expected_content_length:
            raise RuntimeError("That part of a file is longer than the answer is said to be.")
        file = message["file"].fileno()
        if not await send_from_file(self.transport, self.flow, file, part=(start, start + count)):
            self.transport.abort()
            return
        self.expected_content_length -= count
        if not message["more_body"]:
            if self.expected_content_length:
                raise RuntimeError("The answer is shorter than it is said to be.")
            self._finish(last=not self.keep_alive)

    def _finish(self, *, last: bool) -> None:
        self.waiting_for_100_continue = False
        self.response_started = self.response_complete = True
        self.keep_alive = not last
        self.message_event.set()
        if last:
            self.transport.close()
        self.on_response()


class _Lines(NamedTuple):
    """Headers as they are sent, and what they say of the body: its length, -1 if nothing."""

    text: bytes
    length: int
    closes: bool


# Nearly all answers have the headers of one before. A few kB for each, at the most.
@lru_cache(1024)
def _lines(headers: tuple[tuple[bytes, bytes], ...]) -> _Lines | None:
    """The lines of these headers; None: uvicorn shall see to them, and refuse them if need be."""
    length, closes = -1, False
    for name, value in headers:
        match name.lower():
            case b"content-length" if value.isdigit():
                length = int(value)
            case b"content-length":
                return None
            case b"connection" if value == b"close":
                closes = True
            case b"connection" | b"transfer-encoding":
                return None
        if _CONTROL.search(name) or _CONTROL.search(value):
            return None
    # Django's names have capitals.
    return _Lines(b"".join(b"%s: %s\r\n" % (name.lower(), value) for name, value in headers), length, closes)


def status_line(status: int, reason: bytes) -> bytes:
    """The first line of an answer (RFC 9112, section 4), with its line break."""
    # A line break in it would let whoever is quoted in a sentence write headers of his own.
    return b"HTTP/1.1 %d %s\r\n" % (status, _FORBIDDEN.sub(b" ", reason))


# uvicorn lets nobody choose this class. (Giving another one to each instance costs every request
# more than all else here.)
setattr(httptools_impl, "RequestResponseCycle", _Exchange)  # noqa: B010 -- mypy takes it for a type.
