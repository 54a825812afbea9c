"""Transactions that need not survive a power cut: what they write can be fetched, or done, again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def fetched_again() -> Iterator[None]:
    """A transaction for what came from an upstream: whole or not at all, but not flushed to the disk.

    A first installation writes hundreds of pages and METADATA files, and waiting for the disk each
    time took longer than all the rest. The next transaction that is flushed takes these along.
    Within another transaction it is a part of that one, and as durable.
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
            yield
    finally:
        if relaxed:
            _execute("PRAGMA synchronous=FULL")


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
