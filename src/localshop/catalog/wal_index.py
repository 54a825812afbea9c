"""Whether an SQLite database has changed: the head of its WAL index, which all processes share.

Each commit writes a new head there before it returns, with a counter and a checksum of all that was
written ("WAL-mode File Format", section 2.1, on SQLite's pages); by the same bytes SQLite itself knows
whether the pages that it remembers are still good.

They are read through the descriptor by which our own connections have the file open. One of our own
could never be closed: with it the process would lose all its locks of the file, as POSIX will have it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_HEAD = 48
_MADE = 12
"""The byte of the head that is 1 unless the index has to be made anew, after a crash."""
_DESCRIPTORS = Path("/proc/self/fd")


class WalIndex:
    """The WAL index of a database to which this process has a connection, as long as it has one."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def head(self) -> bytes:
        """What is other bytes after every commit, of whichever process; empty when that cannot be told."""
        head = os.pread(self._descriptor, _HEAD, 0)
        return head if len(head) == _HEAD and head[_MADE] else b""


def wal_index(database: str) -> WalIndex | None:
    """The WAL index of a database that was read already; None where it cannot be found, as on macOS."""
    wanted = Path(f"{os.path.realpath(database)}-shm")
    with suppress(OSError):
        for one in _DESCRIPTORS.iterdir():
            # They come and go meanwhile.
            with suppress(OSError):
                if one.readlink() == wanted:
                    return WalIndex(int(one.name))
    return None
