"""The beat of Celery, by a clock that nobody sets.

Celery's own goes by the time of day: set back by a year, it would be silent for a year, and no job would
be found whose message was lost or that is to be tried again.
"""

from __future__ import annotations

import time
from typing import Any

from celery.beat import Scheduler


class SteadyBeat(Scheduler):  # type: ignore[misc]
    """Sends everything that is to be sent again and again, as often as ``beat_max_loop_interval`` says."""

    _next = 0.0

    def tick(self, *_args: Any, **_kwargs: Any) -> float:
        """Send what is due; gives the seconds until the next time."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self.max_interval
            for entry in self.schedule.values():
                self.apply_entry(entry, producer=self.producer)
        return max(0.0, self._next - time.monotonic())
