"""How long a client is kept waiting for an upstream before it is told to come again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from localshop.errors import UpstreamUnavailable

FIRST_BYTE = 12.0
"""Seconds; after fifteen without a byte, pip hangs up and takes it for a failure of the network."""


def deadline() -> float:
    """When a request that comes now has to be answered, by the clock of the loop."""
    return asyncio.get_running_loop().time() + FIRST_BYTE


@asynccontextmanager
async def in_time(what: str, *, until: float) -> AsyncIterator[None]:
    """Raise UpstreamUnavailable if this takes longer; what was begun behind it goes on."""
    try:
        async with asyncio.timeout_at(until):
            yield
    except TimeoutError:
        sentence = f"{what} takes long to come from the upstream; it goes on being fetched."
        raise UpstreamUnavailable(sentence, retry_after=5) from None
