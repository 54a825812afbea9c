"""One trip at a time for one thing, however many wait for it, in all processes of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

_FIRST_WAIT = 0.001
_LONGEST_WAIT = 0.02


class Flights:
    """Single flight.

    Within the process a table of running trips; between processes one byte of a lock file for each
    key. The kernel gives such a lock back when its process dies, so nobody ever waits for the dead,
    and the one small file is all the litter there is.
    """

    def __init__(self, lock_file: Path) -> None:
        # A process loses all its locks when it closes any descriptor of the file: this is the only one.
        self._fd = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._running: dict[str, asyncio.Task[Any]] = {}

    async def once(self, key: str, trip: Callable[[], Awaitable[Result]]) -> Result:
        """What ``trip`` brings, or what the one that is already under way brings.

        The trip goes on when the one who waits for it gives up. It is started only when no other
        process is on the same one, and must first look whether that one has brought it already.
        """
        return await asyncio.shield(self.start(key, trip))

    def start(self, key: str, trip: Callable[[], Awaitable[Result]]) -> asyncio.Task[Result]:
        """The running trip for this key, started if there is none."""
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(self._fly(key, trip), name=key)
            self._running[key] = task
            task.add_done_callback(self._landed)
        return task

    async def close(self) -> None:
        """End the trips that are under way and give all locks back."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        os.close(self._fd)

    async def _fly(self, key: str, trip: Callable[[], Awaitable[Result]]) -> Result:
        async with self._alone(key):
            return await trip()

    def _landed(self, task: asyncio.Task[Any]) -> None:
        self._running.pop(task.get_name(), None)
        if not task.cancelled():
            # Whoever waited has been told; a trip that nobody waits for any more logs for itself.
            task.exception()

    @contextlib.asynccontextmanager
    async def _alone(self, key: str) -> AsyncIterator[None]:
        place = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=7).digest(), "big")
        wait = _FIRST_WAIT
        while not self._lock(place):
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)
        try:
            yield
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, place)

    def _lock(self, place: int) -> bool:
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except BlockingIOError:
            return False
        return True
