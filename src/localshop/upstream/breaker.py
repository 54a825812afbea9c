"""Lets an upstream rest that fails: asking it again and again helps neither it nor those who wait."""

from __future__ import annotations

import random
from dataclasses import dataclass

FAILURES = 3
"""Failures in a row after which it rests."""
_LONGEST = 60.0
_TRIAL = 15.0
_BACKING_OFF = 60.0
"""Seconds, at most, for which we stay away because the upstream says so."""


@dataclass(slots=True)
class Breaker:
    """One origin, as this process knows it. Times are seconds of a clock that never goes back.

    It rests for one second, then for twice as long each time, with some jitter so that many
    processes do not come back together. After a rest one request goes first, as a trial.
    """

    _failures: int = 0
    _until: float = 0.0

    def rests_for(self, now: float) -> float:
        """Seconds for which it must not be asked; 0: the caller may ask now, and has to tell how it went."""
        if now < self._until:
            return self._until - now
        if self._failures >= FAILURES:
            # The others wait until this one has come back, or has taken too long.
            self._until = now + _TRIAL
        return 0.0

    def failed(self, now: float, *, retry_after: float | None = None) -> None:
        """It did not answer, or said that it cannot; ``retry_after``: when it wants to be asked again."""
        self._failures += 1
        rest = 0.0
        if self._failures >= FAILURES:
            # Jitter needs no secrecy.
            rest = min(_LONGEST, 2.0 ** (self._failures - FAILURES)) * random.uniform(0.8, 1.2)  # noqa: S311
        if retry_after is not None:
            rest = max(rest, min(retry_after, _BACKING_OFF))
        self._until = now + rest

    def succeeded(self) -> None:
        """It answered."""
        self._failures = 0
        self._until = 0.0
