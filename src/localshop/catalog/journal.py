"""The journal: who did what to which file, when, from where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q

from .inserts import insert
from .models import Event
from .records import EventRecord, Refused, Tally

REFUSED = "refused"
_BOUNDED = (REFUSED, "login-failed")
"""What anybody can cause, as often as he likes; all else takes somebody with rights."""


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
    line = Event(
        at=at,
        action=action,
        who=actor.who,
        address=actor.address,
        repository=repository,
        project=project,
        subject=subject,
        detail=dict(detail or {}),
    )
    insert(line)


@dataclass(frozen=True, slots=True)
class Sought:
    """Which lines somebody looks for; None or empty: all of them.

    ``since`` and ``until`` are moments, the second of them not included.
    """

    repositories: Sequence[str] | None = None
    actions: Sequence[str] = ()
    project: str = ""
    who: str = ""
    since: datetime | None = None
    until: datetime | None = None


def lines(sought: Sought, *, most: int, before: tuple[datetime, int] | None = None) -> list[EventRecord]:
    """Lines of the journal, the last first; ``before`` is ``at`` and ``id`` of the line to go on after."""
    conditions = {
        "repository__in": sought.repositories,
        "action__in": sought.actions or None,
        "project": sought.project or None,
        "who": sought.who or None,
        "at__gte": sought.since,
        "at__lt": sought.until,
    }
    rows = Event.objects.filter(**{name: value for name, value in conditions.items() if value is not None})
    if before is not None:
        # Written so that an index on the time leads to the place.
        rows = rows.filter(Q(at__lt=before[0]) | Q(id__lt=before[1]), at__lte=before[0])
    return [_record(row) for row in rows.order_by("-at", "-id")[:most]]


def note_refusals(batch: Mapping[Refused, Tally]) -> None:
    """Write down what was refused: one line for each, with how often since the last batch."""
    with transaction.atomic():
        Event.objects.bulk_create(
            Event(
                at=datetime.fromtimestamp(tally.last, tz=UTC),
                action=REFUSED,
                who=one.who[:200],
                address=one.address[:50],
                repository=one.repository[:100],
                project=one.project[:200],
                subject=one.subject[:300],
                detail={"slug": one.slug, "times": tally.amount},
            )
            for one, tally in batch.items()
        )


def forget_refusals(*, before: datetime) -> None:
    """Forget old refusals and wrong passwords; what was done stays in the journal for ever."""
    with transaction.atomic():
        Event.objects.filter(action__in=_BOUNDED, at__lt=before).delete()


def _record(row: Event) -> EventRecord:
    return EventRecord(
        id=row.id,
        at=row.at,
        action=row.action,
        who=row.who,
        address=row.address,
        repository=row.repository,
        project=row.project,
        subject=row.subject,
        detail=row.detail,
    )
