"""Django's SQLite backend, with a fair turn for every writer and checkpoints that cannot race one.

SQLite's own busy handler is unfair: with four writers one of them waits for seconds. So writers
queue for a lock of ours before ``BEGIN IMMEDIATE``, and give it back after the commit: first the
threads of a process, then the processes. Of these only the first in line tries to get the lock,
so whoever gives it back cannot overtake him; the longest wait is about a hundred milliseconds.

Whoever waits in vain, because the lock or the database is held from outside, gives up after his
``patience``. Everybody counts his own, so that those in a queue do not wait for one another's.

Checkpoints run under the lock, past a size of the log, so that no write can overlap one (up to
version 3.51.2 of SQLite that overlap can corrupt the file).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

from localshop.catalog import patience

WAL_LIMIT = 8 << 20
"""Bytes of write-ahead log after which a commit also checkpoints."""

_FIRST_TRIES_EVERY = 0.0005
_OTHERS_TRY_EVERY = 0.002

_turn = threading.Lock()
"""Held by the thread of this process that writes, or is next to."""


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection; it holds the write lock from ``BEGIN`` to the end of the transaction."""

    _fds: tuple[int, int] | None = None
    """Of the lock, and of the place of the first in line."""
    _locked = False

    def _start_transaction_under_autocommit(self) -> None:
        deadline = time.monotonic() + patience.left()
        self._lock(deadline)
        try:
            # Somebody who does not know our lock may be writing.
            with self._waiting(deadline - time.monotonic()):
                super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._unlock()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        if self._locked:
            self._checkpoint_if_large()
            self._unlock()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._unlock()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._unlock()
            for fd in self._fds or ():
                os.close(fd)
            self._fds = None

    def _lock(self, deadline: float) -> None:
        if self._locked or self.is_in_memory_db():
            return
        if not _turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise _late()
        try:
            lock, first_in_line = self._fds = self._fds or self._open_locks()
            _try(first_in_line, deadline, every=_OTHERS_TRY_EVERY)
            try:
                _try(lock, deadline, every=_FIRST_TRIES_EVERY)
            finally:
                fcntl.flock(first_in_line, fcntl.LOCK_UN)
        except BaseException:
            _turn.release()
            raise
        self._locked = True

    def _unlock(self) -> None:
        if self._locked and self._fds is not None:
            fcntl.flock(self._fds[0], fcntl.LOCK_UN)
            self._locked = False
            _turn.release()

    def _open_locks(self) -> tuple[int, int]:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        lock, first_in_line = (
            os.open(f"{self.settings_dict['NAME']}-{what}", flags, 0o600) for what in ("lock", "next")
        )
        return lock, first_in_line

    def _checkpoint_if_large(self) -> None:
        connection: Any = self.connection
        try:
            if Path(f"{self.settings_dict['NAME']}-wal").stat().st_size < WAL_LIMIT:
                return
            # Somebody who keeps reading from outside must not hold up each of our writes.
            with self._waiting(0):
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except (OSError, sqlite3.OperationalError):
            # Readers are in the way, or there is no log: the next commit tries again.
            return

    @contextmanager
    def _waiting(self, seconds: float) -> Iterator[None]:
        """Have SQLite wait this long, at most, for what is locked."""
        connection: Any = self.connection
        connection.execute(f"PRAGMA busy_timeout = {max(0, int(seconds * 1000))}")
        try:
            yield
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(patience.PATIENCE * 1000)}")


def _try(fd: int, deadline: float, *, every: float) -> None:
    """Lock this file before the deadline, or raise what SQLite would."""
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise _late() from None
            time.sleep(every)
        else:
            return


def _late() -> OperationalError:
    return OperationalError("database is locked")
