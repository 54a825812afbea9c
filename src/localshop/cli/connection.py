"""How long a client may take, and how much it may send, before its connection is cut.

A small subclass of uvicorn's protocol. What takes too long is found by looking at all connections
once a second, so that a request costs nothing more for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, Literal, cast
from weakref import WeakSet

from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from localshop.cli.exchange import status_line
from localshop.cli.from_file import CAN_SEND_FROM_FILES
from localshop.cli.supervisor import GRACE
from localshop.index.answers import Receive, Scope, Send, say
from localshop.index.local import ZERO_COPY
from localshop.observe.log import event, get_logger

_HEAD_TOO_LARGE = "The head of a request may have 64 kB and 100 headers at the most."
_EXTENSIONS: dict[str, dict[object, object]] = {ZERO_COPY: {}} if CAN_SEND_FROM_FILES else {}

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection is allowed; seconds and bytes."""

    head_seconds: float = 10
    """For the head of a request, and for a body whose request was answered before it had come."""
    head_bytes: int = 64 << 10
    headers: int = 100
    body_seconds: float = 30
    """In this time a body has to come on by ``body_bytes``, unless it is us who do not read it."""
    body_bytes: int = 30_000
    unread_seconds: float = 60
    """After which a client is dropped that reads nothing of its answer."""
    connections: int = 5_000
    """Of one process."""
    last_seconds: float = GRACE - 1
    """For what is being answered when the server ends; then it is cut, before uvicorn cancels it."""
    look_every: float = 1


class Connection(HttpToolsProtocol):
    """One connection of a client."""

    limits: ClassVar[Limits] = Limits()
    _looked_after: ClassVar[WeakSet[ServerState]] = WeakSet()

    _piece = 0
    """Bytes that came last."""
    _counted: HTTPScope | None = None
    """The request that ``_came`` tells the bytes of."""
    _came = 0
    _idle = False
    """Whether it waits for another request of which nothing has come yet."""
    _late: tuple[Literal["head", "body", "next"] | None, RequestResponseCycle | None] = (None, None)
    """What the client owed, or might send, when it was last looked at, and after or in which request."""
    _since = 0.0
    _came_then = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it in, if need be in the place of one that waits for nothing."""
        super().connection_made(transport)
        # The kernel sees what the client's machine takes, also of what we have handed over already.
        with contextlib.suppress(AttributeError, OSError):
            transport.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self.limits.unread_seconds * 1000)
            )
        if self.server_state not in self._looked_after:
            self._looked_after.add(self.server_state)
            self.loop.call_later(
                self.limits.look_every, _look_after, self.server_state, self.loop, self.limits
            )
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Parse what has come; count what comes in more than one piece."""
        self._piece, self._idle = len(data), False
        super().data_received(data)
        cycle = self.cycle
        if cycle is None or cycle.scope is not self.scope:
            if self._count() > self.limits.head_bytes:
                self._refuse(431, "head-too-large", _HEAD_TOO_LARGE)
        elif cycle.more_body:
            self._count()

    def on_headers_complete(self) -> None:
        """Have the request answered: by the application, unless its head is too large."""
        if len(self.headers) > self.limits.headers or (
            (self._counted is self.scope or self._piece > self.limits.head_bytes)
            and self._head_bytes() > self.limits.head_bytes
        ):
            self.app = _refuse_head
        if self.scheme == "http":
            self.scope["extensions"] = _EXTENSIONS
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Take the next request that is here already, or wait for one.

        uvicorn's own, but for the timer that this would set, and the next request take back.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle = True

    def shutdown(self) -> None:
        """Let a running answer end, but not wait for a client who reads nothing."""
        super().shutdown()
        self.loop.call_later(self.limits.last_seconds, self.transport.abort)

    def look(self, now: float) -> str:
        """Drop the client if it is late; tells with what, or nothing."""
        cycle = self.cycle
        late: Literal["head", "body", "next"] | None = None
        if self.transport.is_closing():
            # Its answer is still on its way: the kernel watches that.
            pass
        elif self._idle:
            late = "next"
        elif cycle is None or cycle.response_complete:
            late = "head"
        elif cycle.more_body and not self.flow.read_paused and not cycle.waiting_for_100_continue:
            late = "body"
        if (late, cycle) != self._late:
            self._late, self._since, self._came_then = (late, cycle), now, self._came
        elif late == "next" and now - self._since >= self.timeout_keep_alive:
            self.transport.close()
        elif late == "head" and now - self._since >= self.limits.head_seconds:
            self.transport.close()
            return late
        elif late == "body" and now - self._since >= self.limits.body_seconds:
            if self._came - self._came_then < self.limits.body_bytes:
                self._refuse(408, "body-too-slow", "The body of the request came too slowly.")
                return late
            self._since, self._came_then = now, self._came
        return ""

    def _count(self) -> int:
        if self._counted is not self.scope:
            self._counted, self._came = self.scope, 0
        self._came += self._piece
        return self._came

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _make_room(self) -> None:
        """Drop somebody who is not being served.

        If newcomers were turned away, whoever opens many connections and sends nothing would
        keep everybody else out.
        """
        for one in self.connections:
            other = cast("Connection", one)
            idle = other.cycle is None or other.cycle.response_complete
            if other is not self and idle and not other.transport.get_write_buffer_size():
                self.connections.discard(one)
                other.transport.abort()
                return
        self._refuse(503, "too-many-connections", "Too many requests are being answered.")

    def _refuse(self, status: int, slug: str, sentence: str) -> None:
        """Refuse what has not become a request, or did so with a body that does not come."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self.pipeline or cycle.scope is not self.scope:
                # In the middle of an answer there is nothing that could be said.
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        if self.transport.is_closing():
            return
        body = f"{slug}: {sentence}\n".encode()
        head = (
            f"content-type: text/plain; charset=utf-8\r\nx-localshop-refusal: {slug}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\nretry-after: 2\r\n\r\n"
        )
        self.transport.write(status_line(status, sentence.encode()) + head.encode() + body)
        self.transport.close()


def _look_after(state: ServerState, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
    """Look at all connections of a server from time to time, as long as there are any."""
    if not state.connections:
        Connection._looked_after.discard(state)  # noqa: SLF001
        return
    loop.call_later(limits.look_every, _look_after, state, loop, limits)
    now = loop.time()
    late = Counter(cast("Connection", one).look(now) for one in list(state.connections))
    del late[""]
    if late:
        sentence = "Connections were cut whose request did not come in time."
        event(log, logging.INFO, "clients-too-slow", sentence, head=late["head"], body=late["body"])


async def _refuse_head(scope: Scope, _receive: Receive, send: Send) -> None:
    close = [(b"connection", b"close")]
    await say(send, 431, "head-too-large", _HEAD_TOO_LARGE, head=scope["method"] == "HEAD", extra=close)
