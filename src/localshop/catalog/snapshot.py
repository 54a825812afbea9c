"""A second connection that sees the database as it was at one moment, while others go on writing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

_ALIAS = "snapshot"


@contextmanager
def snapshot() -> Iterator[str]:
    """Give the alias under which all queries, in this thread, see one state of the database.

    PostgreSQL keeps it for a transaction that is REPEATABLE READ, SQLite for any that reads, as long as
    its log is one of write-ahead; neither keeps a writer waiting.
    """
    wrapper = _another()
    connections[_ALIAS] = wrapper
    try:
        with transaction.atomic(using=_ALIAS):
            with wrapper.cursor() as cursor:
                # The state is that of the first statement that reads, not that of BEGIN.
                cursor.execute("SELECT COUNT(*) FROM django_migrations")
            yield _ALIAS
    finally:
        wrapper.close()
        del connections[_ALIAS]


def _another() -> Any:
    settings = copy.deepcopy(connections[DEFAULT_DB_ALIAS].settings_dict)
    settings["CONN_MAX_AGE"] = 0
    if connection.vendor == "sqlite":
        from django.db.backends.sqlite3.base import DatabaseWrapper  # noqa: PLC0415 - one of the two.

        # Not ours: that one takes the lock for writers with every transaction.
        settings["OPTIONS"]["transaction_mode"] = "DEFERRED"
        return DatabaseWrapper(settings, alias=_ALIAS)
    from django.db.backends.postgresql.base import (  # noqa: PLC0415 - only its users have the driver.
        DatabaseWrapper as PostgreSQL,
    )
    from psycopg import IsolationLevel  # noqa: PLC0415

    settings["OPTIONS"]["isolation_level"] = IsolationLevel.REPEATABLE_READ
    return PostgreSQL(settings, alias=_ALIAS)
