"""Counters of this process: what happened how often since it started."""

from __future__ import annotations

import os
from threading import Lock

Labels = tuple[tuple[str, str], ...]

_lock = Lock()
_values: dict[tuple[str, Labels], int] = {}


def count(name: str, /, **labels: str) -> None:
    """Add one to the counter ``name`` with these labels; takes less than a microsecond.

    Safe from any thread. Label values must come from a small set (a slug, a status), never from
    a client: each combination is kept for the life of the process.
    """
    key = (name, tuple(labels.items()))
    with _lock:
        _values[key] = _values.get(key, 0) + 1


def snapshot() -> dict[tuple[str, Labels], int]:
    """Give all counters as they are now; labels are sorted by name, whatever order they were given in."""
    with _lock:
        values = list(_values.items())
    merged: dict[tuple[str, Labels], int] = {}
    for (name, labels), value in values:
        key = (name, tuple(sorted(labels)))
        merged[key] = merged.get(key, 0) + value
    return merged


def _forget() -> None:
    """Start at zero in a forked child: the parent goes on counting what it has counted."""
    global _lock  # noqa: PLW0603 - another thread may have held the parent's lock at the fork.
    _lock = Lock()
    _values.clear()


os.register_at_fork(after_in_child=_forget)
