"""Releases that somebody holds back by hand: look-ups and changes."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.db.models import F

from localshop.errors import BadInput
from localshop.policies.records import Hold
from localshop.protocol.filenames import version_or_none
from localshop.protocol.names import is_name, normalise

from . import alarms
from .content import Change
from .journal import note
from .models import HeldRelease, Project, Repository
from .records import Bad

_LONGEST_REASON = 500
_HOLDS = """
    SELECT version, reason, who FROM catalog_heldrelease
    WHERE repository_id = %s AND project = %s ORDER BY id
"""


def hold(change: Change, version: str, *, reason: str) -> None:
    """Hold a version back at once, whatever rules and passes say; an alarm tells the others.

    Raises ``BadInput`` without a reason, or when that is no version.
    """
    name, said = normalise(change.project), reason.strip()
    if not is_name(change.project):
        raise BadInput(f"{change.project!r} cannot be the name of a package.")
    if not said or len(said) > _LONGEST_REASON:
        raise BadInput(f"A hold has a reason, of {_LONGEST_REASON} characters at most.")
    spelled = _spelled(version)
    with transaction.atomic():
        row = _repository(change)
        known = _found(row, name, spelled)
        HeldRelease.objects.update_or_create(
            repository=row,
            project=name,
            version=known.version if known is not None else spelled,
            defaults={"reason": said, "who": change.actor.who},
        )
        _touch(row, name)
        _note("held", change, spelled, reason=said)
        sentence = f"{name} {spelled} was held back by {change.actor.who}: {said}"
        bad = Bad(row.slug, name, spelled, cause="held", source="", sentence=sentence)
        alarms.raise_alarms([bad], now=change.at.timestamp(), again=True)


def unhold(change: Change, version: str) -> None:
    """Let a version go that was held back; raises ``BadInput`` when it was not."""
    name, spelled = normalise(change.project), _spelled(version)
    with transaction.atomic():
        row = _repository(change)
        known = _found(row, name, spelled)
        if known is None:
            raise BadInput(f"{name} {spelled} is not held back in {row.slug!r}.")
        known.delete()
        _touch(row, name)
        _note("unheld", change, spelled)


def holds_of(repository_id: int, project: str) -> list[Hold]:
    """The holds on versions of a project, as the judge takes them."""
    with connection.cursor() as cursor:
        # As with advisories, every page that is made asks.
        cursor.execute(_HOLDS, [repository_id, project])
        return [Hold(*row) for row in cursor.fetchall()]


def holds_by_project(repository_id: int) -> dict[str, list[Hold]]:
    """The holds on versions of all projects of a repository."""
    found: dict[str, list[Hold]] = {}
    for row in HeldRelease.objects.filter(repository_id=repository_id).order_by("id"):
        found.setdefault(row.project, []).append(Hold(row.version, row.reason, row.who))
    return found


def is_held(repository_id: int, project: str, version: str) -> bool:
    """Whether a version is held back, however it is spelled."""
    wanted = version_or_none(version)
    return any(version_or_none(one.version) == wanted for one in holds_of(repository_id, project))


def _spelled(version: str) -> str:
    """A version as PEP 440 normalises it."""
    parsed = version_or_none(version)
    if parsed is None:
        raise BadInput(f"{version!r} is no version as in PEP 440.")
    return str(parsed)


def _found(repository: Repository, project: str, version: str) -> HeldRelease | None:
    """The hold on a version, however it was spelled then: 1.0 and 1.0.0 are one release."""
    rows = HeldRelease.objects.filter(repository=repository, project=project)
    return next((row for row in rows if version_or_none(row.version) == version_or_none(version)), None)


def _repository(change: Change) -> Repository:
    row = Repository.objects.filter(slug=change.repository).first()
    if row is None:
        raise BadInput(f"There is no repository {change.repository!r}.")
    return row


def _touch(repository: Repository, project: str) -> None:
    """Another page, and other verdicts, from now on, in every process."""
    Project.objects.filter(repository=repository, name=project).update(serial=F("serial") + 1)


def _note(action: str, change: Change, version: str, *, reason: str = "") -> None:
    moment: datetime = change.at
    note(
        action,
        change.actor,
        at=moment,
        repository=change.repository,
        project=normalise(change.project),
        subject=version,
        detail={"reason": reason} if reason else None,
    )
