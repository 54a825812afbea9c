"""Connections that are opened before they are wanted.

A client that installs asks for one page, then at once for those of all that it needs, then for those of
what these need: each wave is wider than the one before. Whoever opens a connection only when none is
free makes each wave wait for one more trip to the upstream, and with TLS for two or three.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

_FIRST, _MOST = 4, 16
"""Connections that are opened along with one that is wanted: so many first, and twice as many each time
that they did not suffice."""
_WAVES_APART = 15.0
"""Seconds after which what comes is another installation: what nobody used was closed by then."""


class ConnectorAhead(aiohttp.TCPConnector):
    """Opens some connections more whenever it has to open one, and keeps them like those that were used.

    Not for files: who fetches them knows how many he wants. Nor through a proxy, which is near.
    """

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self._beside: set[asyncio.Task[None]] = set()
        self._many, self._last = _FIRST, -math.inf

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Close all connections, and open no more."""
        opening = list(self._beside)
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        await super().close(abort_ssl=abort_ssl)

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- aiohttp's.
    ) -> ResponseHandler:
        """Open a connection: aiohttp's own place for what subclasses do otherwise."""
        # Else for each that is opened beside, others would be.
        if not self._beside and timeout.sock_read is None and req.proxy is None:
            for _ in range(self._how_many()):
                task = asyncio.create_task(self._open(req, timeout))
                self._beside.add(task)
                task.add_done_callback(self._opened)
        return await super()._create_connection(req, traces, timeout)

    def _how_many(self) -> int:
        now = asyncio.get_running_loop().time()
        self._many = min(2 * self._many, _MOST) if now - self._last < _WAVES_APART else _FIRST
        self._last = now
        return self._many

    async def _open(self, req: aiohttp.ClientRequest, limits: aiohttp.ClientTimeout) -> None:
        connection = await self.connect(req, [], limits)
        connection.release()

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._beside.discard(task)
        if not task.cancelled():
            # Whoever wanted the one that this was to stand beside is told the same.
            task.exception()
