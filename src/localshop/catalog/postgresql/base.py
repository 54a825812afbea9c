"""Django's PostgreSQL backend; who waits for what somebody else holds gives up after a while.

An administrator's open transaction, or a tool that rewrites a table, would else stop one thread after the
other, until nobody is answered any more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.postgresql import base

from localshop.catalog import patience

_LITTLE = 0.5
"""Seconds of waiting that are not worth telling the server."""


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection."""

    def init_connection_state(self) -> None:
        """Say how long it may wait. PgBouncer would refuse a connection that is made with this."""
        super().init_connection_state()
        self._wait_at_most(patience.PATIENCE)

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)  # type: ignore[misc]
        left = patience.left()
        if not autocommit and left < patience.PATIENCE - _LITTLE:
            # Those in a queue count their own time, not one another's.
            self._wait_at_most(left, only="LOCAL")

    @contextmanager
    def waiting_for_ever(self) -> Iterator[None]:
        """Whatever is done here waits until it can be done."""
        self._wait_at_most(math.inf)
        try:
            yield
        finally:
            self._wait_at_most(patience.PATIENCE)

    def _wait_at_most(self, seconds: float, *, only: str = "SESSION") -> None:
        connection: Any = self.connection
        # To PostgreSQL 0 means for ever.
        milliseconds = 0 if seconds == math.inf else max(1, int(seconds * 1000))
        with connection.cursor() as cursor:
            cursor.execute(f"SET {only} lock_timeout TO {milliseconds}")
