"""Many values in portions that one statement can take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MOST = 300


def portions(values: Iterable[str]) -> Iterator[list[str]]:
    """The values, sorted, a few hundred at a time."""
    every = sorted(values)
    for start in range(0, len(every), MOST):
        yield every[start : start + MOST]
