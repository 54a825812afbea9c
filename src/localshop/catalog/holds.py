"""Holds: while a backup copies stored files, nobody takes bytes out of the storage.

A hold is a row with an end, so that one whose process was killed ends by itself. One that would end
later than we ever set it was made while the clock ran ahead: it lasts as long as one of now.

Whoever removes bytes asks `held` in the transaction that forgets them, and leaves the bytes where they
are if it says so: nobody knows them any more then, and the next sweep removes them.
"""

from __future__ import annotations

import time

from django.db import connection, transaction

from .models import Hold

LEASE = 900.0
"""Seconds after which a hold that nobody renews has ended."""
_KEY = 0x6C73_686F_6C64
"""Of PostgreSQL's advisory lock: any number that is always the same."""


def begin() -> int:
    """Begin a hold and give its id. What was being removed is gone, in tables and storage, by then."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            _lock("pg_advisory_xact_lock")
        Hold.objects.filter(until__lt=time.time()).delete()
        _shorten()
        return Hold.objects.create(until=time.time() + LEASE).id


def renew(hold_id: int) -> bool:
    """Have a hold end later; False: it is gone."""
    with transaction.atomic():
        return bool(Hold.objects.filter(id=hold_id).update(until=time.time() + LEASE))


def end(hold_id: int) -> None:
    """End a hold."""
    with transaction.atomic():
        Hold.objects.filter(id=hold_id).delete()


def held() -> bool:
    """Whether bytes must stay where they are; good until the end of the transaction that asks."""
    if connection.vendor == "postgresql":
        # A hold that begins now waits until this transaction has ended. On SQLite there is one writer.
        _lock("pg_advisory_xact_lock_shared")
    _shorten()
    return Hold.objects.filter(until__gte=time.time()).exists()


def _shorten() -> None:
    latest = time.time() + LEASE
    Hold.objects.filter(until__gt=latest).update(until=latest)


def _lock(function: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [_KEY])
