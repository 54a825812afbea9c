"""The journal: who did what to which file, when, from where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from .models import Event


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a user's name or an access key, and the address that it comes from."""

    who: str
    address: str = ""


def note(
    action: str,
    actor: Actor,
    *,
    at: datetime,
    repository: str = "",
    project: str = "",
    subject: str = "",
    detail: Mapping[str, object] | None = None,
) -> None:
    """Write one line; call it in the transaction that does what it tells of."""
    Event.objects.create(
        at=at,
        action=action,
        who=actor.who,
        address=actor.address,
        repository=repository,
        project=project,
        subject=subject,
        detail=dict(detail or {}),
    )
