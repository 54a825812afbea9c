"""Whether an upstream answers, how quickly, and what its clock says."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from localshop.errors import UpstreamError
from localshop.upstream.client import UpstreamClient
from localshop.upstream.source import Source

_ASKED_FOR = "pip"
"""A project that says nothing of those who ask for it. An index that lacks it answers, too."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How it went: ``failure`` None: it answered.

    ``ahead`` is by how many seconds our clock is ahead of the upstream's; None: it does not tell.
    """

    source: Source
    seconds: float
    ahead: float | None
    failure: UpstreamError | None


async def reach(client: UpstreamClient, source: Source) -> Reached:
    """Ask an upstream for a page."""
    began = time.monotonic()
    try:
        answer = await client.page(source, _ASKED_FOR)
    except UpstreamError as error:
        return Reached(source, time.monotonic() - began, None, error)
    seconds = time.monotonic() - began
    ahead = None if answer.date is None else (datetime.now(UTC) - answer.date).total_seconds()
    return Reached(source, seconds, ahead, None)
