"""Writes that could be made again: those that wait at the same moment share one transaction.

A first installation through an empty localshop writes hundreds of small things, from several
processes at once. Each in a transaction of its own, they spend their time in handing the database's
lock to each other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, ParamSpec, TypeVar

from django.db import OperationalError

from localshop.catalog import patience
from localshop.catalog.durability import fetched_again, is_deadlock

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_MOST = 64
"""Writes in one transaction, at most: others may want their turn."""

_TRIES = 5
"""How often a write is begun that stood in another one's way, and was chosen to give way."""


class _Ended(NamedTuple):
    result: Any
    error: Exception | None


class _Asked(NamedTuple):
    work: Callable[[], Any]
    future: asyncio.Future[Any]
    at: float


class Scribe:
    """Writes for one event loop. ``run`` does blocking work in a thread.

    ``pause``: seconds for which writes are gathered before any is begun.
    """

    def __init__(
        self,
        run: Callable[..., Awaitable[list[_Ended]]],
        *,
        pause: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._pause = pause
        self._closing = asyncio.Event()
        self._clock = clock
        self._waiting: list[_Asked] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """What ``work`` gives, when it is committed. It must do nothing but change the database."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Asked(partial(work, *args, **kwargs), future, self._clock()))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await future

    async def close(self) -> None:
        """Write what still waits, at once."""
        self._closing.set()
        if self._writing is not None:
            await self._writing

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                if self._pause:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._closing.wait(), self._pause)
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                # They have been waiting for the batch before, and that counts.
                waited = self._clock() - batch[0].at
                try:
                    ended = await self._run(_in_turn, [one.work for one in batch], waited=waited)
                except Exception as error:  # noqa: BLE001 - it is told to those who wait.
                    ended = [_Ended(None, error)] * len(batch)
                for one, (result, failure) in zip(batch, ended, strict=True):
                    if one.future.done():
                        # Whoever waited has gone.
                        continue
                    if failure is None:
                        one.future.set_result(result)
                    else:
                        one.future.set_exception(failure)
        finally:
            self._writing = None


def _in_turn(works: Sequence[Callable[[], Any]], *, waited: float) -> list[_Ended]:
    with patience.spent(waited):
        return _together(works)


def _together(works: Sequence[Callable[[], Any]], *, tries: int = _TRIES) -> list[_Ended]:
    """Do all of it in one transaction; if one of them fails, each in its own."""
    try:
        with fetched_again(many=len(works) > 1):
            return [_Ended(work(), None) for work in works]
    except OperationalError as error:
        if not is_deadlock(error) or tries == 1:
            # The database is busy, or full: it is the same for all, and nobody should wait twice.
            return [_Ended(None, error)] * len(works)
    except Exception as error:  # noqa: BLE001 - it is told to the one who waits.
        if len(works) == 1:
            return [_Ended(None, error)]
    return [_together([work], tries=tries - 1)[0] for work in works]
