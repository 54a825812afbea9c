"""The generation of everything that decides who may come in.

Each web worker keeps what it read about repositories, networks, credentials and people; it reads
this number on every request and forgets all of it when the number has changed. So a withdrawn
right ends with the next request, in every process.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from .models import State


def access_changed() -> None:
    """Tell every process that rights have changed; call it in the transaction that changes them."""
    if not State.objects.filter(id=1).update(access=F("access") + 1):
        State.objects.create(id=1, access=1)


def moment_of_tidying(now: float, *, most: float) -> float:
    """Now (seconds since the epoch), but at most so many seconds after it was last asked for.

    What is old is forgotten by this: a clock that runs ahead by years for an hour must not make all that
    was ever noted too old. After a long rest it takes some time until it has caught up.
    """
    with transaction.atomic():
        last = State.objects.select_for_update().get(id=1).tidied
        moment = min(now, last + most) if last else now
        # A clock that has fallen back by years comes again, and then all would have to be caught up with.
        State.objects.filter(id=1).update(tidied=max(moment, last))
    return moment


def is_there() -> bool:
    """Whether the database answers, and has our tables."""
    return State.objects.filter(id=1).exists()
