"""Django's SQLite backend, with a fair turn for every writer and checkpoints that cannot race one.

SQLite's own busy handler is unfair: with four writers one of them waits for seconds. A ``flock``
that the kernel hands on in turn is taken before ``BEGIN IMMEDIATE`` and given back after the
commit; the longest wait falls from seconds to about a hundred milliseconds. Checkpoints run under
the same lock, past a size of the log, so that no write can overlap one (up to version 3.51.2 of
SQLite that overlap can corrupt the file).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base

WAL_LIMIT = 8 << 20
"""Bytes of write-ahead log after which a commit also checkpoints."""


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection; it holds the write lock from ``BEGIN`` to the end of the transaction."""

    _lock_fd: int | None = None
    _locked = False

    def _start_transaction_under_autocommit(self) -> None:
        self._lock()
        try:
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
            self._locked = False
            if self._lock_fd is not None:
                os.close(self._lock_fd)
                self._lock_fd = None

    def _lock(self) -> None:
        name = str(self.settings_dict["NAME"])
        if self._locked or self.is_in_memory_db():
            return
        if self._lock_fd is None:
            self._lock_fd = os.open(f"{name}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        self._locked = True

    def _unlock(self) -> None:
        if self._locked and self._lock_fd is not None:
            fcntl.flock(self._lock_fd, fcntl.LOCK_UN)
        self._locked = False

    def _checkpoint_if_large(self) -> None:
        connection: Any = self.connection
        try:
            if Path(f"{self.settings_dict['NAME']}-wal").stat().st_size < WAL_LIMIT:
                return
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except (OSError, sqlite3.OperationalError):
            # Readers are in the way, or there is no log: the next commit tries again.
            return
