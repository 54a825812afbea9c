"""The loop of a process that does jobs: claims what is due, several at once, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from localshop.observe.log import event, get_logger
from localshop.shop import Shop

from .claims import UNREACHABLE, Claims
from .ending import GRACE
from .registry import Job

_AT_ONCE = 8
_POLL = 0.2

log = get_logger(__name__)


class Runner:
    """Does jobs for one process, several at once on its loop, until it is told to stop."""

    def __init__(self, shop: Shop, jobs: Mapping[str, Job], *, poll: float = _POLL) -> None:
        self._claims = Claims(shop, jobs)
        self._poll = poll
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._periodic_ensured = False

    def stop(self) -> None:
        """Claim nothing more; ``run`` returns when the running jobs have ended or their grace has."""
        self._stopping.set()

    async def run(self, *, grace: float = GRACE) -> None:
        """Do jobs until ``stop``; what has not ended ``grace`` seconds later is given back.

        A database that cannot be reached is waited for. Anything else that goes wrong here, outside
        of a job, is raised: the process had better be started anew.
        """
        async with asyncio.TaskGroup() as group:
            heart = group.create_task(self._claims.keep())
            while not self._stopping.is_set():
                full = len(self._claims) >= _AT_ONCE
                if full or not await self._begin_one(group):
                    await self._idle(full=full)
            await self._finish(grace)
            heart.cancel()

    async def _begin_one(self, group: asyncio.TaskGroup) -> bool:
        """Claim a job and begin it; False: none is due, or nobody can tell now."""
        try:
            if not self._periodic_ensured:
                await self._claims.ensure_periodic()
                self._periodic_ensured = True
            claim = await self._claims.take()
        except UNREACHABLE:
            return False
        if claim is None:
            return False
        self._running.add(task := group.create_task(self._claims.do(claim)))
        task.add_done_callback(self._running.discard)
        return True

    async def _idle(self, *, full: bool) -> None:
        """Wait until it is time to look again: a job has ended, or some time has gone by."""
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait(
                {stopping, *self._running} if full else {stopping},
                timeout=None if full else self._poll,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            stopping.cancel()

    async def _finish(self, grace: float) -> None:
        """Let the running jobs end, and give back what does not."""
        if not self._running:
            return
        event(log, logging.INFO, "jobs-ending", "Waiting for running jobs.", jobs=len(self._running))
        await asyncio.wait(self._running, timeout=grace)
        left = list(self._running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._claims.give_back()
