"""Counters of this process: what happened how often since it started."""

from __future__ import annotations

import os
from functools import cache
from threading import Lock

from .metrics import Labels, bucket_of

Key = tuple[str, Labels]

_lock = Lock()
_values: dict[Key, float] = {}


def count(name: str, /, **labels: str) -> None:
    """Add one to the counter ``name`` with these labels; takes less than a microsecond.

    Safe from any thread. Label values must come from a small set (a slug, a status), never from
    a client: each combination is kept for the life of the process.
    """
    key = (name, tuple(labels.items()))
    with _lock:
        _values[key] = _values.get(key, 0) + 1


@cache
def key_of(name: str, /, **labels: str) -> Key:
    """What ``tally`` is given; asked for once and kept."""
    return name, tuple(sorted(labels.items()))


def tally(key: Key) -> None:
    """Add one, in a tenth of a microsecond, for what every request counts.

    Not safe from several threads: it is for the event loop, and these numbers are counted nowhere else.
    """
    _values[key] = _values.get(key, 0) + 1


def took(name: str, seconds: float, /, **labels: str) -> None:
    """Add a duration to the histogram ``name`` with these labels."""
    kept = tuple(labels.items())
    bucket = (f"{name}_bucket", (*kept, ("le", bucket_of(seconds))))
    total = (f"{name}_sum", kept)
    with _lock:
        _values[bucket] = _values.get(bucket, 0) + 1
        _values[total] = _values.get(total, 0.0) + seconds


def snapshot() -> dict[tuple[str, Labels], float]:
    """Give all counters as they are now; labels are sorted by name, whatever order they were given in."""
    with _lock:
        values = list(_values.items())
    merged: dict[tuple[str, Labels], float] = {}
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
