"""The sentence of a refusal in the status line of its answer: twine shows nothing else.

``http.response.start`` has it as ``reason``, a key of ours that other servers ignore.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http import httptools_impl

_FORBIDDEN = re.compile(rb"[^\t\x20-\x7e\x80-\xff]+")


# Found once: through `super` it takes as long again as all else that is done here for a request.
_send = httptools_impl.RequestResponseCycle.send


class _Telling(httptools_impl.RequestResponseCycle):
    """A request whose answer may tell its reason."""

    def send(self, message: ASGISendEvent) -> Coroutine[Any, Any, None]:
        """Send one message of the answer."""
        if "reason" in message:
            return self._send_with_reason(message)
        return _send(self, message)

    async def _send_with_reason(self, message: ASGISendEvent) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        transport = self.transport
        self.transport = _Phrased(transport, cast("dict[str, Any]", message)["reason"])
        try:
            # It does not pause any more, so nobody else sees the other transport.
            await _send(self, message)
        finally:
            self.transport = transport


class _Phrased(asyncio.Transport):
    """Puts a reason into the head of the answer that is written to it."""

    def __init__(self, transport: asyncio.Transport, reason: bytes) -> None:
        self._transport = transport
        self._reason = reason

    def write(self, data: Any) -> None:
        line, _, rest = data.partition(b"\r\n")
        self._transport.write(status_line(int(line.split()[1]), self._reason) + rest)


def status_line(status: int, reason: bytes) -> bytes:
    """The first line of an answer (RFC 9112, section 4), with its line break."""
    # A line break in it would let whoever is quoted in a sentence write headers of his own.
    return b"HTTP/1.1 %d %s\r\n" % (status, _FORBIDDEN.sub(b" ", reason))


# uvicorn lets nobody choose this class. (Giving another one to each instance costs every request
# more than all else here.)
setattr(httptools_impl, "RequestResponseCycle", _Telling)  # noqa: B010 -- mypy takes it for a type.
