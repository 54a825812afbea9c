"""What happens often and is written down in batches: gathered in memory, how often and when last."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from localshop.catalog.records import Tally

Key = TypeVar("Key", bound=Hashable)


class Tallies(Generic[Key]):
    """Numbers since the last batch, by what happened. They belong to one event loop."""

    def __init__(self, *, most: int) -> None:
        self._found: dict[Key, Tally] = {}
        self._most = most
        """Different things that are remembered while the database takes none: memory has an end."""
        self.lost = 0
        """How often something happened that could not be remembered."""

    def __len__(self) -> int:
        return len(self._found)

    def note(self, one: Key, now: float) -> bool:
        """It happened once more; False: that cannot be remembered, and is lost."""
        known = self._found.get(one)
        if known is None and len(self._found) >= self._most:
            self.lost += 1
            return False
        self._found[one] = Tally(1 if known is None else known.amount + 1, now)
        return True

    def take(self) -> dict[Key, Tally]:
        """What was gathered; from now on the next batch is."""
        taken, self._found = self._found, {}
        return taken

    def put_back(self, batch: Mapping[Key, Tally]) -> None:
        """A batch could not be written down: the next one has it, too."""
        for one, tally in batch.items():
            newer = self._found.get(one)
            if newer is not None:
                self._found[one] = Tally(tally.amount + newer.amount, newer.last)
            elif len(self._found) < self._most:
                self._found[one] = tally
            else:
                self.lost += tally.amount
