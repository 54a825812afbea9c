"""Refusals on their way into the journal: counted and bounded, so that nobody fills it by being refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from localshop.catalog.records import Refused, Tally

from .tallies import Tallies

_MOST = 500
_AN_HOUR = 600
"""Lines that a process may write in an hour; beyond that they do not say any more who and what."""
_REST = 60.0
"""Seconds between two batches of such lines."""


class Refusals:
    """What was refused since the last batch. It belongs to one event loop."""

    def __init__(self) -> None:
        self._tallies: Tallies[Refused] = Tallies(most=_MOST)
        self._others: Tallies[Refused] = Tallies(most=_MOST)
        """Those that there were too many of: only what, not to whom."""
        self._left = float(_AN_HOUR)
        self._refilled = 0.0
        self._not_before = 0.0

    def note(self, one: Refused, now: float) -> None:
        """Somebody was refused something."""
        if not self._tallies.note(one, now):
            self._others.note(_shortened(one), now)

    def take(self, now: float, *, all_of_it: bool = False) -> dict[Refused, Tally]:
        """What may be written down now, by a clock that nobody sets, or, at the end of the process, all."""
        if self._left < 1 and now < self._not_before and not all_of_it:
            return {}
        gained = max(0.0, now - self._refilled) * _AN_HOUR / 3600
        self._left = min(float(_AN_HOUR), self._left + gained)
        self._refilled = now
        batch = _summed_up([*self._tallies.take().items(), *self._others.take().items()])
        if len(batch) > self._left:
            batch = _summed_up((_shortened(one), tally) for one, tally in batch.items())
            self._not_before = now + _REST
        self._left = max(0.0, self._left - len(batch))
        return batch

    def put_back(self, batch: Mapping[Refused, Tally]) -> None:
        """A batch could not be written down."""
        self._tallies.put_back(batch)


def _shortened(one: Refused) -> Refused:
    return Refused(one.slug, one.repository)


def _summed_up(told: Iterable[tuple[Refused, Tally]]) -> dict[Refused, Tally]:
    found: dict[Refused, Tally] = {}
    for one, tally in told:
        known = found.get(one, Tally(0, 0.0))
        found[one] = Tally(known.amount + tally.amount, max(known.last, tally.last))
    return found
