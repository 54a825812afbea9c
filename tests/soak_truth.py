"""What is true during a soak: what the upstreams have, what was acknowledged, and what went wrong when."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from distributions import Distribution
from fake_upstream import FakeUpstream

CALM_AFTER = 15.0
"""Seconds after the end of a fault for which an upstream may still be left alone, so that it recovers."""
_CUT_AFTER = 3.0
"""Seconds after the death of a process for which connections to it may turn out to be cut."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A repository of the soak; ``upstream`` None: it has only what was uploaded."""

    slug: str
    miss: str
    upstream: FakeUpstream | None


@dataclass(frozen=True, slots=True)
class Book:
    """A file of an upstream, or one that was uploaded; ``since`` by ``time.monotonic``."""

    distribution: Distribution
    since: float

    @property
    def filename(self) -> str:
        return self.distribution.filename


@dataclass(slots=True)
class Truth:
    """Shared by all visitors. ``wrong`` has what must not happen; it stays empty if all is well."""

    books: dict[str, list[Book]] = field(default_factory=dict)
    """By the slug of the repository; a book is in one as soon as its page may list it."""
    kept: set[tuple[str, str]] = field(default_factory=set)
    """(slug, path) of each file that was once given out whole: from then on it has to be there."""
    seen: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """Of (slug, project): the file names that a page has shown: no later page may lack one."""
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    """Seconds, at most, until a first byte came."""
    _faults: list[list[float]] = field(default_factory=list)
    _deaths: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def publish(self, slug: str, distribution: Distribution) -> None:
        with self._lock:
            self.books.setdefault(slug, []).append(Book(distribution, time.monotonic()))

    def of(self, slug: str, project: str) -> dict[str, Book]:
        """The files of a project, by name."""
        with self._lock:
            return {
                book.filename: book
                for book in self.books.get(slug, [])
                if book.distribution.normalised == project
            }

    def shown(self, slug: str, project: str) -> frozenset[str]:
        with self._lock:
            return self.seen.get((slug, project), frozenset())

    def show(self, slug: str, project: str, filenames: frozenset[str]) -> None:
        with self._lock:
            self.seen[slug, project] = self.seen.get((slug, project), frozenset()) | filenames

    def keep(self, slug: str, path: str) -> None:
        with self._lock:
            self.kept.add((slug, path))

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def waited(self, seconds: float) -> None:
        with self._lock:
            self.slowest = max(self.slowest, seconds)

    def blame(self, what: str) -> None:
        with self._lock:
            self.wrong.append(what)

    @contextmanager
    def fault(self) -> Iterator[None]:
        """As long as this lasts, and a little longer, an upstream may be the reason for a clean failure."""
        window = [time.monotonic(), float("inf")]
        self._faults.append(window)
        try:
            yield
        finally:
            window[1] = time.monotonic()

    def death(self) -> None:
        """A process is about to be killed."""
        self._deaths.append(time.monotonic())

    def excuses_failure(self, began: float) -> bool:
        """Whether an upstream was in trouble between then and now."""
        return any(end + CALM_AFTER >= began for _, end in self._faults)

    def excuses_cut(self, began: float) -> bool:
        """Whether a process has died between then and now."""
        return any(began - _CUT_AFTER <= at for at in self._deaths)

    def calm_since(self) -> float:
        """Since when no upstream has given any reason for trouble; infinity: one does so now."""
        return max((end + CALM_AFTER for _, end in self._faults), default=0.0)
