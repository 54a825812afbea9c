"""Signed links to stored files: each is used again for a part of its life, since signing takes a while."""

from __future__ import annotations

import threading
import time

LIFE = 600
"""Seconds for which a link opens its file. A download that was begun goes on to its end."""
_USED_FOR = 300
"""Seconds for which it is given out, so that each client has at least the rest of its life."""
_MOST = 10_000


class Links:
    """The links of one process, by name of the file; at most so many."""

    def __init__(self) -> None:
        self._links: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> str | None:
        """A link that is still to be given out."""
        found = self._links.get(name)
        return found[1] if found is not None and time.monotonic() < found[0] else None

    def put(self, name: str, url: str) -> None:
        """Keep a link that was signed just now; the oldest one makes room."""
        with self._lock:
            self._links.pop(name, None)
            self._links[name] = (time.monotonic() + _USED_FOR, url)
            if len(self._links) > _MOST:
                del self._links[next(iter(self._links))]

    def forget(self, name: str) -> None:
        """Give it out no more: the file is gone."""
        with self._lock:
            self._links.pop(name, None)
