"""Whether the storage answers: asked now and then, and nobody waits for one that hangs."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

from .opening import open_store

_EVERY = 5.0
"""Seconds for which an answer is good: however many ask, one trial is made."""
_PATIENCE = 0.5
"""Seconds that a monitor is kept waiting; many give up after one."""


class Pulse:
    """What is known of the storage; one for each process, made after its fork."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pulse")
        self._lock = threading.Lock()
        self._asked: Future[bool] | None = None
        self._since = 0.0

    def is_well(self) -> bool:
        """Whether files could be read and written a moment ago; one that takes its time is not well."""
        now = time.monotonic()
        with self._lock:
            asked = self._asked
            # One that hangs is not asked again before it has answered.
            if asked is None or (asked.done() and now > self._since + _EVERY):
                asked = self._asked = self._thread.submit(_ask)
                self._since = now
        wait((asked,), _PATIENCE)
        return asked.done() and asked.result()


def _ask() -> bool:
    return open_store().takes_files()
