"""What this process has given out, gathered in memory until it is written down, in batches."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from localshop.catalog.records import Given, Tally
from localshop.observe.log import event, get_logger

_MOST = 100_000
"""Kinds of downloads that are gathered while the database cannot be written; then they are not told apart."""

log = get_logger(__name__)


class Ledger:
    """Downloads since the last batch, by file and client. It belongs to one event loop."""

    def __init__(self, *, most: int = _MOST) -> None:
        self._given: dict[Given, Tally] = {}
        self._most = most
        self._full = False

    def note(self, one: Given, now: float) -> None:
        """A file was given out; it takes about a microsecond."""
        known = self._given.get(one)
        if known is None and len(self._given) >= self._most:
            self._warn()
            return
        self._given[one] = Tally(1 if known is None else known.amount + 1, now)

    def take(self) -> dict[Given, Tally]:
        """What was gathered; from now on the next batch is."""
        taken, self._given = self._given, {}
        self._full = False
        return taken

    def put_back(self, batch: Mapping[Given, Tally]) -> None:
        """A batch could not be written down: the next one has it, too."""
        for one, tally in batch.items():
            newer = self._given.get(one)
            if newer is not None:
                self._given[one] = Tally(tally.amount + newer.amount, newer.last)
            elif len(self._given) < self._most:
                self._given[one] = tally
            else:
                self._warn()

    def _warn(self) -> None:
        if not self._full:
            sentence = "Downloads cannot be written down, and there are too many to remember: some are lost."
            event(log, logging.ERROR, "downloads-lost", sentence)
        self._full = True
