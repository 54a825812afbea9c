"""Teams: who belongs to them, and which role they have in which repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import QuerySet

from localshop.errors import BadInput

from .journal import Actor, note
from .models import Grant, Team, User
from .repositories import repository
from .state import access_changed


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """A team: the names of its members, and its role in each repository (by slug)."""

    id: int
    name: str
    members: tuple[str, ...]
    roles: Mapping[str, str]


def every_team() -> list[TeamRecord]:
    """All teams by name."""
    return _records(Team.objects.all())


def teams_of(user_id: int) -> list[TeamRecord]:
    """The teams that a user belongs to, by name."""
    return _records(Team.objects.filter(id__in=Team.objects.filter(members=user_id).values("id")))


def team(team_id: int) -> TeamRecord:
    """The team of this id; raises ``BadInput`` when there is none."""
    return _record(_row(team_id))


def create_team(name: str, *, actor: Actor | None = None) -> TeamRecord:
    """Make a team without members; raises ``BadInput`` for a name that is taken."""
    with transaction.atomic():
        row = Team.objects.create(name=_free_name(name))
        _note("team-made", row, actor, before=None, after=row.name)
        return _record(row)


def rename_team(team_id: int, name: str, *, actor: Actor | None = None) -> TeamRecord:
    """Call a team otherwise; raises ``BadInput`` for a name that is taken."""
    with transaction.atomic():
        row = _row(team_id)
        before = row.name
        if name.strip() != before:
            row.name = _free_name(name, but=team_id)
            row.save(update_fields=["name"])
            _note("team-renamed", row, actor, before=before, after=row.name)
        return _record(row)


def delete_team(team_id: int, *, actor: Actor | None = None) -> TeamRecord:
    """Delete a team, and with it what it allowed its members; gives what it was."""
    with transaction.atomic():
        row = _row(team_id)
        record = _record(row)
        before = {"members": record.members, "roles": dict(record.roles)}
        _note("team-deleted", row, actor, before=before, after=None)
        row.delete()
        access_changed()
        return record


def add_member(team_id: int, username: str, *, actor: Actor | None = None) -> TeamRecord:
    """Let a user belong to a team; raises ``BadInput`` when there is no such user."""
    with transaction.atomic():
        row = _row(team_id)
        user = _user(username)
        if not row.members.filter(id=user.id).exists():
            row.members.add(user)
            access_changed()
            _note("member-added", row, actor, before=None, after=user.username)
        return _record(row)


def remove_member(team_id: int, username: str, *, actor: Actor | None = None) -> TeamRecord:
    """Let a user no more belong to a team."""
    with transaction.atomic():
        row = _row(team_id)
        user = _user(username)
        if row.members.filter(id=user.id).exists():
            row.members.remove(user)
            access_changed()
            _note("member-removed", row, actor, before=user.username, after=None)
        return _record(row)


def set_role(team_id: int, slug: str, role: str | None, *, actor: Actor | None = None) -> TeamRecord:
    """Give a team a role in a repository in the place of the one it has; None: no role.

    Raises ``BadInput`` when there is no such repository or role.
    """
    if role is not None and role not in Grant.Role.values:
        raise BadInput(f"There is no role {role!r}; there are {', '.join(Grant.Role.values)}.")
    with transaction.atomic():
        row = _row(team_id)
        found = repository(slug)
        grants = Grant.objects.filter(team=row, repository_id=found.id)
        before = grants.values_list("role", flat=True).first()
        if before != role:
            if role is None:
                grants.delete()
            else:
                grants.update_or_create(team=row, repository_id=found.id, defaults={"role": role})
            access_changed()
            _note("role-changed", row, actor, before=before, after=role, repository=slug)
        return _record(row)


def _row(team_id: int) -> Team:
    row = Team.objects.filter(id=team_id).first()
    if row is None:
        raise BadInput("There is no such team.")
    return row


def _user(username: str) -> User:
    user = User.objects.filter(username=username).first()
    if user is None:
        raise BadInput(f"There is no user {username!r}.")
    return user


def _free_name(name: str, *, but: int = 0) -> str:
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise BadInput("A team's name has 1 to 100 printable characters.")
    if Team.objects.filter(name=name).exclude(id=but).exists():
        raise BadInput(f"There is a team {name!r} already.")
    return name


def _record(row: Team) -> TeamRecord:
    return _records(Team.objects.filter(id=row.id))[0]


def _records(rows: QuerySet[Team]) -> list[TeamRecord]:
    """The teams as values, with three queries however many there are."""
    return [
        TeamRecord(
            id=row.id,
            name=row.name,
            members=tuple(sorted(user.username for user in row.members.all())),
            roles={grant.repository.slug: grant.role for grant in row.grants.all()},
        )
        for row in rows.order_by("name").prefetch_related("members", "grants__repository")
    ]


def _note(
    action: str, row: Team, actor: Actor | None, *, before: object, after: object, repository: str = ""
) -> None:
    if actor is None:
        return
    note(
        action,
        actor,
        at=datetime.now(UTC),
        repository=repository,
        subject=row.name,
        detail={"before": before, "after": after},
    )
