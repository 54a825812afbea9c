"""A file on its way home, as those see it who wait for it in this process."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

from localshop.catalog.records import BlobRecord

HELD_BACK = 64 << 10
"""Bytes at the end of an answer that nobody gets before the digest of the file was found right."""


@dataclass(slots=True)
class Download:
    """A part file that grows; it may be another process that makes it grow.

    ``size`` (bytes) is None until somebody told it. ``blob`` is set once all of it is here and
    verified. ``task`` fetches, or waits for who fetches; it outlives those who wait for it.
    """

    part: Path
    size: int | None
    task: asyncio.Task[BlobRecord] | None = None
    blob: BlobRecord | None = None
    _grown: asyncio.Event = field(default_factory=asyncio.Event)

    async def whole(self) -> BlobRecord:
        """Wait until the file is here, and was looked into; raises what kept it away."""
        assert self.task is not None
        return await asyncio.shield(self.task)

    async def here(self) -> BlobRecord:
        """Wait until the file is here; raises what kept it away."""
        while self.blob is None:
            await self._news()
        return self.blob

    def arrived(self, blob: BlobRecord) -> None:
        """All of it is here, verified and known to the database."""
        self.blob, self.size = blob, blob.size
        self.grew()

    async def told_size(self) -> int:
        """Wait until the size is known; raises what kept the file away."""
        while self.size is None:
            await self._news()
        return self.size

    async def begun(self) -> None:
        """Wait until the size is known and first bytes are here; raises what kept the file away."""
        while self.size is None or not (self.blob is not None or self._has_bytes()):
            await self._news()

    async def open_part(self) -> int:
        """A descriptor of the part file; it stays good when the file moves to its place.

        Raises ``FileNotFoundError`` when the file is at its place already.
        """
        while True:
            try:
                return os.open(self.part, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                if self.blob is not None:
                    raise
            await self._news()

    async def released(self, fd: int, position: int, *, stop: int) -> int:
        """Wait until bytes from ``position`` on may be given to a client; up to where they may.

        ``stop`` is where the client's answer ends. Its last bytes are held back wherever in the file
        they are: who asks for a part has no digest of it, so no part may be whole that could be wrong.

        Gives ``position`` itself when no more will come: the part was thrown away because its
        digest was wrong, and cut to nothing so that nobody could go on with it.
        """
        while True:
            there = os.fstat(fd).st_size
            free = there if self.blob is not None else min(there, stop - HELD_BACK)
            if free > position or self.blob is not None:
                return max(free, position)
            await self._news()

    def grew(self) -> None:
        """Wake up those who wait."""
        self._grown.set()
        self._grown = asyncio.Event()

    def ended(self, task: asyncio.Task[BlobRecord]) -> None:
        """The task is done: with the file, or with what kept it away."""
        if not task.cancelled() and task.exception() is None:
            self.arrived(task.result())
        self.grew()

    def _has_bytes(self) -> bool:
        try:
            return self.part.stat().st_size > 0
        except FileNotFoundError:
            return False

    async def _news(self) -> None:
        assert self.task is not None
        if self.task.done() and self.blob is None:
            self.task.result()
        await self._grown.wait()
