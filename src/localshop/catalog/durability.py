"""Transactions that need not survive a power cut: what they write can be fetched, or done, again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection, transaction

_KEY = 0x6C73_6D61_6E79
"""Of PostgreSQL's advisory lock: any number that is always the same."""
_DEADLOCK = "40P01"
"""What PostgreSQL calls it."""


@contextmanager
def fetched_again(*, many: bool = False) -> Iterator[None]:
    """A transaction for what came from an upstream: whole or not at all, but not flushed to the disk.

    A first installation writes hundreds of pages and METADATA files, and waiting for the disk each
    time took longer than all the rest. The next transaction that is flushed takes these along.
    Within another transaction it is a part of that one, and as durable.

    ``many``: it writes for several who know nothing of each other, in any order. There is one such
    transaction at a time, since of two each could wait for a row that the other has written.
    """
    if connection.in_atomic_block:
        # Whoever began it rolls all of it back.
        yield
        return
    relaxed = connection.vendor == "sqlite"
    if relaxed:
        _execute("PRAGMA synchronous=NORMAL")
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                _execute("SET LOCAL synchronous_commit TO OFF")
                if many:
                    _execute(f"SELECT pg_advisory_xact_lock({_KEY})")
            yield
    finally:
        if relaxed:
            _execute("PRAGMA synchronous=FULL")


def is_deadlock(error: DatabaseError) -> bool:
    """Whether a transaction was rolled back because it and another one waited for each other."""
    return getattr(error.__cause__, "sqlstate", None) == _DEADLOCK


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
