"""The tools of a process: its database, its store, its upstreams, its clock."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from localshop.catalog import patience
from localshop.catalog.reads import Reads, open_reads
from localshop.catalog.records import Given, ProjectRecord
from localshop.config import Config
from localshop.observe.log import event, get_logger
from localshop.storage.opening import open_store
from localshop.storage.stores import Store
from localshop.upstream.client import UpstreamClient

from .cache import Cache
from .flights import Flights
from .refusals import Refusals
from .scribe import Scribe
from .tallies import Tallies

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_BEHIND_AT_ONCE = 6
_THREADS = 8
_READERS = 4
_CARRIERS = 16
_SOON = 0.2
"""Seconds for which writes that nobody waits for are gathered."""
_PAGES_IN_MEMORY = 64 << 20
_ENTRIES_IN_MEMORY = 60_000
_HEARD_IN_MEMORY = 100_000
_ABSENT_IN_MEMORY = 20_000
_RECORDS_IN_MEMORY = 5_000
_DOWNLOADS_IN_MEMORY = 100_000

log = get_logger(__name__)


@dataclass(slots=True)
class Shop:
    """What a journey may use. One for each process; all of it belongs to one event loop."""

    config: Config
    store: Store
    upstream: UpstreamClient
    reads: Reads
    flights: Flights
    now: Callable[[], float] = time.time
    """Seconds since the epoch, by a clock that may be set: for what is kept, and for what people say."""
    steady: Callable[[], float] = time.monotonic
    """Seconds by a clock that nobody sets: for what holds for a while in this process."""
    pages: Cache[Any] = field(default_factory=lambda: Cache(_PAGES_IN_MEMORY))
    """Rendered pages, weighed in bytes."""
    answers: Cache[Any] = field(default_factory=lambda: Cache(_ENTRIES_IN_MEMORY))
    """What the upstream that answers says of a project (``shelf.parts``), weighed in files."""
    hearings: Cache[Any] = field(default_factory=lambda: Cache(_HEARD_IN_MEMORY))
    """Projects before their judge, weighed in files."""
    records: Cache[ProjectRecord] = field(default_factory=lambda: Cache(_RECORDS_IN_MEMORY))
    """Rows of projects, by id and serial (``shelf.known``)."""
    absent: Cache[float] = field(default_factory=lambda: Cache(_ABSENT_IN_MEMORY))
    """Until when (by ``steady``) a name need not be asked for again."""
    lists: dict[int, tuple[float, frozenset[str]]] = field(default_factory=dict)
    """Names of an upstream's (by id) list of projects, where it was needed, and until when (by ``steady``)
    they are good."""
    used: set[str] = field(default_factory=set)
    """SHA-256 of stored files that were given out since this was last written down."""
    given: Tallies[Given] = field(default_factory=lambda: Tallies(most=_DOWNLOADS_IN_MEMORY))
    """Who was given which file since this was last written down."""
    refusals: Refusals = field(default_factory=Refusals)
    """What was refused to whom since this was last written down."""
    downloads: dict[str, Any] = field(default_factory=dict)
    """Files that this process is bringing home, or waits for."""
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_BEHIND_AT_ONCE))
    """Of what is asked of upstreams while nobody waits for it."""
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_THREADS, thread_name_prefix="shop")
    )
    _readers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_READERS, thread_name_prefix="reader")
    )
    _carriers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_CARRIERS, thread_name_prefix="carrier")
    )
    _connections: set[BaseDatabaseWrapper] = field(default_factory=set)
    """Of the threads; each has one of its own."""
    _scribe: Scribe = field(init=False)
    _slow_scribe: Scribe = field(init=False)
    _behind: set[asyncio.Task[Any]] = field(default_factory=set)
    _behind_once: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._scribe = Scribe(self.run)
        self._slow_scribe = Scribe(self.run, pause=_SOON)

    async def run(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Do blocking work, on the database or the disk, in a thread.

        What it writes waits for its turn; the time until there is a thread counts. Raises
        ``django.db.OperationalError`` when the database stays locked for too long.
        """
        begin = time.monotonic()

        def in_turn() -> Result:
            with patience.spent(time.monotonic() - begin):
                return self._in_thread(work, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._threads, in_turn)

    async def write(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Have something written that could be written again, together with what others write now.

        It is committed when this returns, but a power cut may undo it (``catalog.durability``).
        """
        return await self._scribe.write(work, *args, **kwargs)

    async def write_soon(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """As ``write``, for what nobody waits for: with all that comes within the next moment."""
        return await self._slow_scribe.write(work, *args, **kwargs)

    async def look(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Do blocking work that only reads, in a thread that nobody keeps who waits for a turn to write."""
        todo = partial(self._in_thread, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._readers, todo)

    async def carry(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Do blocking work on the storage alone, in a thread that nobody wants for the database.

        A storage elsewhere takes minutes for a large file, and longer for none when it hangs.
        """
        todo = partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._carriers, todo)

    def _in_thread(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        self._connections.add(connections[DEFAULT_DB_ALIAS])
        try:
            return work(*args, **kwargs)
        except Exception:
            # A connection that broke must not be handed to the next one who comes.
            connections[DEFAULT_DB_ALIAS].close_if_unusable_or_obsolete()
            raise

    def behind(self, work: Coroutine[Any, Any, object], *, what: str) -> None:
        """Have something done that nobody waits for; a failure is logged, once, here."""
        task = asyncio.create_task(work)
        self._behind.add(task)

        def ended(task: asyncio.Task[Any]) -> None:
            self._behind.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                event(log, logging.WARNING, "behind-failed", f"{what}: {error}", error=repr(error))

        task.add_done_callback(ended)

    def behind_once(self, key: str, work: Callable[[], Coroutine[Any, Any, object]], *, what: str) -> None:
        """Have something done behind, unless the very same waits or runs already.

        Else what is asked for a thousand times while it hangs would be a thousand tasks.
        """
        if key in self._behind_once:
            return
        self._behind_once.add(key)

        async def once() -> None:
            try:
                await work()
            finally:
                self._behind_once.discard(key)

        self.behind(once(), what=what)

    async def close(self) -> None:
        """End what runs behind and give everything back."""
        # What has come of a download stays in its part file, for the next one to go on with.
        running = [*self._behind, *(download.task for download in self.downloads.values())]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.flights.close()
        # What waits to be written is, though those who asked for it were just ended.
        await self._slow_scribe.close()
        await self._scribe.close()
        await self.upstream.close()
        await self.reads.close()
        await asyncio.to_thread(self._end_threads)

    def _end_threads(self) -> None:
        self._threads.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self._carriers.shutdown(wait=True)
        for one in self._connections:
            one.inc_thread_sharing()
            one.close()


def open_shop(config: Config) -> Shop:
    """The tools of this process; call it on the loop that will use them."""
    return Shop(
        config=config,
        store=open_store(),
        upstream=UpstreamClient(proxy=config.http_proxy, offline=config.offline),
        reads=open_reads(),
        flights=Flights(config.home / "flights.lock"),
    )
