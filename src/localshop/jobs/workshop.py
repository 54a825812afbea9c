"""Where a worker of Celery does jobs: a loop in a thread of its own, with a shop, for each process.

A task of Celery is a plain function, our jobs are asynchronous and share connections; and what a
job leaves to be done behind it must go on while the process has no job.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from localshop import config
from localshop.observe import shared
from localshop.shop import Shop, open_shop

from .claims import UNREACHABLE, Claims
from .registry import jobs

Result = TypeVar("Result")

_CLOSING = 4.0
"""Seconds that may pass until everything is given back; Celery kills who takes 5."""


class Workshop:
    """The loop, the shop and the claims of one process; its methods can be called from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="workshop", daemon=True)
        self._thread.start()
        self._closing = threading.Lock()
        self._shop, self._claims, self._behind = self._wait(self._open())

    def do(self, job_id: int) -> None:
        """Do this job to its end, if it can be claimed; or until this workshop is closed."""
        with contextlib.suppress(CancelledError):
            self._wait(self._do(job_id))

    def due(self, most: int, *, since: float) -> list[int]:
        """The ids of jobs that have been due for ``since`` seconds; raises ``claims.UNREACHABLE``."""
        return self._wait(self._due(most, since))

    def close(self) -> None:
        """Give back what is being done, and everything else; a second time it does nothing."""
        # Two may want it: who ends in good order, and who has waited long enough for that.
        with self._closing:
            if self._loop.is_closed():
                return
            with contextlib.suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_CLOSING)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> tuple[Shop, Claims, tuple[asyncio.Task[None], ...]]:
        settings = config.current()
        shared.join(settings.home / shared.DIRECTORY)
        shop = open_shop(settings)
        claims = Claims(shop, jobs(offline=settings.offline))
        behind = claims.keep(), shared.keep_publishing()
        return shop, claims, tuple(asyncio.create_task(each) for each in behind)

    async def _do(self, job_id: int) -> None:
        # While the database is away the message is forgotten: the row will be found.
        with contextlib.suppress(*UNREACHABLE):
            claim = await self._claims.take(only=job_id)
            if claim is not None:
                await self._claims.do(claim)

    async def _due(self, most: int, since: float) -> list[int]:
        await self._claims.ensure_periodic()
        return list(await self._claims.due(most, since=since))

    async def _close(self) -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._claims.give_back()
        await self._shop.close()
        shared.leave()


_made: tuple[int, Workshop] | None = None
_making = threading.Lock()


def workshop() -> Workshop:
    """The workshop of this process, made when it is first needed: nothing of it outlives a fork."""
    global _made  # noqa: PLW0603 - there is one in each process.
    with _making:
        if _made is None or _made[0] != os.getpid():
            _made = os.getpid(), Workshop()
        return _made[1]


def close_workshop() -> None:
    """Close this process's workshop, if it has one."""
    if _made is not None and _made[0] == os.getpid():
        _made[1].close()
