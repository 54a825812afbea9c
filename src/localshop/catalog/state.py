"""The generation of everything that decides who may come in.

Each web worker keeps what it read about repositories, networks, credentials and people; it reads
this number on every request and forgets all of it when the number has changed. So a withdrawn
right ends with the next request, in every process.
"""

from __future__ import annotations

from django.db.models import F

from .models import State


def access_changed() -> None:
    """Tell every process that rights have changed; call it in the transaction that changes them."""
    if not State.objects.filter(id=1).update(access=F("access") + 1):
        State.objects.create(id=1, access=1)


def is_there() -> bool:
    """Whether the database answers, and has our tables."""
    return State.objects.filter(id=1).exists()
