"""How long somebody who wants to write to the database waits for his turn, in all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PATIENCE = 8.0
"""Seconds. pip waits 15 for an answer, and some of them may have gone to an upstream."""

_spent: ContextVar[float] = ContextVar("spent", default=0.0)


def left() -> float:
    """Seconds that the caller may still wait; 0: only a turn that can be had at once will do."""
    return max(0.0, PATIENCE - _spent.get())


@contextmanager
def spent(seconds: float) -> Iterator[None]:
    """Have what is done here wait for less, because it has been waiting for so long already."""
    token = _spent.set(_spent.get() + seconds)
    try:
        yield
    finally:
        _spent.reset(token)
