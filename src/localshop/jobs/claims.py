"""The jobs that a process has claimed: does them, keeps their leases, tells the queue how they ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from django.db import Error as DatabaseError

from localshop.catalog import queue
from localshop.catalog.queue import Claim
from localshop.errors import LocalshopError, UpstreamGone, UpstreamRefused
from localshop.observe.counters import took
from localshop.observe.log import event, get_logger
from localshop.shop import Shop

from .registry import PERIODIC, Job

UNREACHABLE = (DatabaseError, OSError)
"""What is raised when the database cannot be reached."""
_PAUSE = 1.0
"""Seconds after which a database that could not be reached is tried again."""
_FINAL = (UpstreamGone, UpstreamRefused)
"""Failures that another attempt cannot change. A full disk, bytes that were damaged on their way and
a server that answers nonsense for a while all can."""

Result = TypeVar("Result")

log = get_logger(__name__)


class Claims:
    """What one process knows of its jobs; all of it belongs to the shop's loop."""

    def __init__(self, shop: Shop, jobs: Mapping[str, Job]) -> None:
        self._shop = shop
        self._jobs = jobs
        # The name has to fit its column, and two processes must not believe that they are one.
        self._worker = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._held: dict[int, Claim] = {}
        self._reachable = True

    def __len__(self) -> int:
        return len(self._held)

    async def take(self, only: int | None = None) -> Claim | None:
        """Claim the next job that is due, or the job ``only``; raises ``UNREACHABLE``.

        Whoever takes a claim does it, with ``do``. None: there is nothing to do, or the job runs here
        already: its lease ran out while the database could not be reached, and is ours again.
        """
        names = self._jobs.keys()
        if not await self.ask(queue.is_due, names=names, only=only):
            return None
        claim = await self.ask(queue.claim, self._worker, names=names, only=only)
        if claim is None or claim.id in self._held:
            return None
        self._held[claim.id] = claim
        return claim

    async def do(self, claim: Claim) -> None:
        """Do one job and tell the queue how it ended; one that is cancelled stays ours."""
        if claim.attempts > len(queue.DELAYS) + 1:
            # An error would have made it fail before: each time it took its process along.
            await self._failed(claim, "Each time that it was tried, its process died.", final=True)
        else:
            await self._try(claim)
        del self._held[claim.id]

    async def keep(self) -> None:
        """Make the leases of all running jobs longer, in one go, well before they end; for ever."""
        while True:
            await asyncio.sleep(queue.LEASE / 3)
            if self._held:
                await self._surely(queue.heartbeat, self._worker, list(self._held))

    async def give_back(self) -> None:
        """Let others go on with what was cut; call it when nothing runs any more."""
        for claim in self._held.values():
            # If the database is away too, another worker takes it when its lease has run out.
            with contextlib.suppress(*UNREACHABLE):
                await self.ask(queue.give_back, claim)
        self._held.clear()

    async def ensure_periodic(self) -> None:
        """See that the jobs that come back by themselves have their rows; raises ``UNREACHABLE``."""
        await self.ask(_ensure_periodic)

    async def due(self, most: int, *, since: float) -> Iterable[int]:
        """The ids of jobs that have been due for ``since`` seconds; raises ``UNREACHABLE``."""
        return await self._shop.run(
            queue.due, now=self._shop.now() - since, names=self._jobs.keys(), most=most
        )

    async def ask(self, work: Callable[..., Result], *args: object, **kwargs: object) -> Result:
        """Ask the queue for something, in a thread; raises ``UNREACHABLE``."""
        try:
            result = await self._shop.run(work, *args, now=self._shop.now(), **kwargs)
        except UNREACHABLE as error:
            if self._reachable:
                event(
                    log, logging.WARNING, "database-unreachable", f"The jobs wait for the database: {error}"
                )
            self._reachable = False
            raise
        self._reachable = True
        return result

    async def _try(self, claim: Claim) -> None:
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

    async def _surely(self, work: Callable[..., Result], *args: object, **kwargs: object) -> Result:
        """Ask the queue for something, again and again while its database cannot be reached.

        A lease that runs out meanwhile is no harm: the queue lets nobody end a job of another.
        """
        while True:
            with contextlib.suppress(*UNREACHABLE):
                return await self.ask(work, *args, **kwargs)
            await asyncio.sleep(_PAUSE)


def _ensure_periodic(*, now: float) -> None:
    for name, every in PERIODIC.items():
        queue.enqueue(name, name, payload={}, now=now, every=every)
