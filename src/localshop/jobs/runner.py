"""The loop of a process that does jobs: claims them, keeps its claims, tells how they ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from django.db import Error as DatabaseError

from localshop.catalog import queue
from localshop.catalog.queue import Claim
from localshop.errors import LocalshopError, UpstreamGone, UpstreamRefused
from localshop.observe.counters import took
from localshop.observe.log import event, get_logger
from localshop.shop import Shop

from .registry import PERIODIC, Job

GRACE = 30.0
"""Seconds that running jobs are given when the process ends."""

_AT_ONCE = 8
_POLL = 0.2
_PAUSE = 1.0
"""Seconds after which a database that could not be reached is tried again."""
_UNREACHABLE = (DatabaseError, OSError)
_FINAL = (UpstreamGone, UpstreamRefused)
"""Failures that another attempt cannot change. A full disk, bytes that were damaged on their way and
a server that answers nonsense for a while all can."""

Result = TypeVar("Result")

log = get_logger(__name__)


class Runner:
    """Does jobs for one process, several at once on its loop, until it is told to stop."""

    def __init__(self, shop: Shop, jobs: Mapping[str, Job], *, poll: float = _POLL) -> None:
        self._shop = shop
        self._jobs = jobs
        self._poll = poll
        # The name has to fit its column, and two processes must not believe that they are one.
        self._worker = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._stopping = asyncio.Event()
        self._reachable = True
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
            heart = group.create_task(self._beat())
            while not self._stopping.is_set():
                full = len(self._running) >= _AT_ONCE
                if full or not await self._begin_one(group):
                    await self._idle(full=full)
            await self._finish(grace)
            heart.cancel()

    async def _begin_one(self, group: asyncio.TaskGroup) -> bool:
        """Claim a job and begin it; False: none is due, or nobody can tell now."""
        try:
            if not self._periodic_ensured:
                await self._ask(_ensure_periodic)
                self._periodic_ensured = True
            names = self._jobs.keys()
            claim = None
            if await self._ask(queue.is_due, names=names):
                claim = await self._ask(queue.claim, self._worker, names=names)
        except _UNREACHABLE:
            return False
        if claim is None:
            return False
        if all(claim.id != mine.id for mine in self._running.values()):
            self._running[task := group.create_task(self._do(claim))] = claim
            task.add_done_callback(self._running.pop)
        # Else our own lease ran out while the database could not be reached, and is ours again.
        return True

    async def _do(self, claim: Claim) -> None:
        """Do one job and tell the queue how it ended; a cancelled one is left to ``_finish``."""
        if claim.attempts > len(queue.DELAYS) + 1:
            # An error would have made it fail before: each time it took its process along.
            await self._failed(claim, "Each time that it was tried, its process died.", final=True)
            return
        began, outcome = time.monotonic(), "cancelled"
        try:
            await self._jobs[claim.name](self._shop, claim.payload)
        except LocalshopError as error:
            outcome = error.slug
            await self._failed(claim, error.sentence, final=isinstance(error, _FINAL), reason=error.slug)
        except Exception as error:  # noqa: BLE001 - a bug in one job must not end the others.
            outcome = "job-error"
            await self._failed(claim, f"{type(error).__name__}: {error}", trace=error)
        else:
            outcome = "done"
            await self._surely(queue.done, claim)
        finally:
            took("job_seconds", time.monotonic() - began, name=claim.name, outcome=outcome)

    async def _failed(
        self,
        claim: Claim,
        sentence: str,
        *,
        final: bool = False,
        reason: str = "job-error",
        trace: Exception | None = None,
    ) -> None:
        gave_up = await self._surely(queue.failed, claim, sentence, final=final)
        event(
            log,
            logging.ERROR if trace else logging.WARNING,
            "job-failed" if gave_up else "job-delayed",
            sentence,
            exc_info=trace,
            reason=reason,
            job=claim.id,
            name=claim.name,
            attempt=claim.attempts,
        )

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
        left = dict(self._running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for claim in left.values():
            # If the database is away too, another worker takes it when its lease has run out.
            with contextlib.suppress(*_UNREACHABLE):
                await self._ask(queue.give_back, claim)

    async def _beat(self) -> None:
        """Make the leases of all running jobs longer, in one go, well before they end."""
        while True:
            await asyncio.sleep(queue.LEASE / 3)
            ids = [claim.id for claim in self._running.values()]
            if ids:
                await self._surely(queue.heartbeat, self._worker, ids)

    async def _surely(self, work: Callable[..., Result], *args: object, **kwargs: object) -> Result:
        """Ask the queue for something, again and again while its database cannot be reached.

        A lease that runs out meanwhile is no harm: the queue lets nobody end a job of another.
        """
        while True:
            with contextlib.suppress(*_UNREACHABLE):
                return await self._ask(work, *args, **kwargs)
            await asyncio.sleep(_PAUSE)

    async def _ask(self, work: Callable[..., Result], *args: object, **kwargs: object) -> Result:
        try:
            result = await self._shop.run(work, *args, now=self._shop.now(), **kwargs)
        except _UNREACHABLE as error:
            if self._reachable:
                event(
                    log, logging.WARNING, "database-unreachable", f"The jobs wait for the database: {error}"
                )
            self._reachable = False
            raise
        self._reachable = True
        return result


def _ensure_periodic(*, now: float) -> None:
    for name, every in PERIODIC.items():
        queue.enqueue(name, name, payload={}, now=now, every=every)
