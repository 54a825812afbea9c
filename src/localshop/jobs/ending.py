"""How a worker of Celery ends in time: what has not ended by then is given back, as by our own worker.

Celery itself waits as long as a job takes, and whoever started it kills it before that.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable

GRACE = 30.0
"""Seconds that running jobs are given when their process ends."""

_GIVING_BACK = 8.0
"""Seconds after these that a process has to end by itself."""

_pipe: tuple[int, int] | None = None
"""Has a byte in it, which nobody takes out, once the worker ends: all processes that it forked see that."""


def prepare() -> None:
    """Call it in a worker before it forks."""
    global _pipe  # noqa: PLW0603 - there is one in each worker.
    _pipe = os.pipe()


def tell() -> None:
    """Say that the worker ends; may be called by the handler of a signal."""
    if _pipe is not None:
        os.write(_pipe[1], b".")


def has_begun() -> bool:
    """Whether the worker ends, and nothing is to be begun any more."""
    return _pipe is not None and bool(select.select([_pipe[0]], [], [], 0)[0])


def watch(close: Callable[[], None]) -> None:
    """Have ``close`` called, in a thread, in this process when running jobs have had their time."""
    if _pipe is not None:
        threading.Thread(target=_end_in_time, args=[_pipe[0], close], name="ending", daemon=True).start()


def _end_in_time(told: int, close: Callable[[], None]) -> None:
    select.select([told], [], [])
    time.sleep(GRACE)
    close()
    time.sleep(_GIVING_BACK)
    # Its lease runs out, and another worker goes on.
    os._exit(1)
