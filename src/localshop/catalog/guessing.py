"""Guessing of passwords, limited for each account and each address, in all processes alike.

Only failures are written down, so a right password costs one read. Names that nobody has count like
any other: a refusal does not tell who exists.
"""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from django.db import transaction

from localshop.errors import TooManyTries

from .journal import Actor, note
from .models import FailedTry, State, User
from .people import verify_password
from .records import UserRecord

TRIES = 10
"""So many failures are answered as such; whoever goes on is told to wait."""
WINDOW = 300.0
"""Seconds after which a failure is forgotten."""
_TRIES_OF_AN_ADDRESS = 100
"""So many failures, and no password is looked at from there: else one could be tried on all accounts.

Up to there the right passwords of others from the same address, such as an office's, go on working.
"""


def verified(name: str, password: str, *, address: str, now: float) -> UserRecord | None:
    """The active user with this password, or None, which has to be told to ``failed``.

    ``address`` empty: it is not known. ``now`` is in seconds since the epoch. Raises ``TooManyTries``.
    """
    check(name, address=address, now=now)
    return verify_password(name, password)


def check(name: str, *, address: str, now: float) -> None:
    """Raise ``TooManyTries`` when no password of this account may be tried, or none from this address."""
    _refuse_beyond(_account(name), TRIES, now)
    if address:
        _refuse_beyond(_place(address), _TRIES_OF_AN_ADDRESS, now)


def failed(name: str, *, address: str, now: float) -> None:
    """Write a failure down; raises ``TooManyTries`` when it was one too many."""
    keys = [_account(name), *([_place(address)] if address else [])]
    with transaction.atomic():
        # Two failures at once are counted one after the other; on SQLite they are anyway.
        State.objects.select_for_update().filter(id=1).first()
        FailedTry.objects.exclude(at__gt=now - WINDOW, at__lt=now + WINDOW).delete()
        FailedTry.objects.bulk_create([FailedTry(key=key, at=now) for key in keys])
        # A name that nobody has may be a password that was typed in the wrong place.
        known = User.objects.filter(username=name).exists()
        note("login-failed", Actor(name if known else "", address), at=datetime.fromtimestamp(now, tz=UTC))
    for key in keys:
        _refuse_beyond(key, TRIES + 1, now)


def _refuse_beyond(key: str, most: int, now: float) -> None:
    # What lies further ahead is of a clock that has been set back since, and must shut nobody out.
    rows = FailedTry.objects.filter(key=key, at__gt=now - WINDOW, at__lt=now + WINDOW).order_by("-at")
    times = list(rows.values_list("at", flat=True)[:most])
    if len(times) == most:
        wait = max(1, math.ceil(times[-1] + WINDOW - now))
        raise TooManyTries(f"Too many passwords were wrong. Try again in {wait} seconds.", retry_after=wait)


def _account(name: str) -> str:
    # A digest has one length, and a password that was typed as the name is not kept.
    return "account " + hashlib.sha256(name.encode()).hexdigest()[:40]


def _place(address: str) -> str:
    # One customer has a whole /64 of IPv6 to come from.
    wide = ip_address(address).version == 6
    return f"address {ip_network(f'{address}/64', strict=False) if wide else address}"
