"""People: users and the roles that teams give them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from django.contrib.auth import password_validation
from django.contrib.auth.hashers import check_password, make_password
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from localshop.errors import BadInput

from .journal import Actor, note
from .models import Grant, User
from .records import UserRecord
from .state import access_changed

_RANK = {Grant.Role.READER: 0, Grant.Role.DEVELOPER: 1, Grant.Role.OWNER: 2}


def every_user() -> list[UserRecord]:
    """All users by name."""
    return [user_record(user) for user in User.objects.order_by("username")]


def first_administrator() -> str | None:
    """The name of the oldest administrator."""
    return User.objects.filter(is_superuser=True).order_by("id").values_list("username", flat=True).first()


def create_user(
    name: str, *, password: str, administrator: bool = False, email: str = "", actor: Actor | None = None
) -> UserRecord:
    """Make a user; raises ``BadInput`` for a name that is taken or malformed, or an empty password.

    How strong a password is stays with those who take it from a person; see ``weakness``.
    ``actor`` None: nothing is journaled.
    """
    if not password:
        raise BadInput("A user needs a password.")
    user = User(username=name, email=email, is_superuser=administrator, is_staff=administrator)
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise BadInput(" ".join(error.messages)) from None
    user.set_password(password)
    with transaction.atomic():
        if User.objects.filter(username=name).exists():
            raise BadInput(f"There is a user {name!r} already.")
        user.save()
        access_changed()
        _note("user-made", user, actor, before=None, after="administrator" if administrator else "user")
    return user_record(user)


def weakness(name: str, password: str) -> str:
    """Why this password is a weak one for the user of this name; empty: it is not."""
    try:
        password_validation.validate_password(password, User(username=name))
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def set_active(name: str, *, active: bool, actor: Actor | None = None) -> UserRecord:
    """Shut a user out, or let him in again, with all his credentials.

    Raises ``BadInput`` when there is none, or nobody could administer without him.
    """
    with transaction.atomic():
        user = _row(name)
        if user.is_active != active:
            if not active:
                _keep_an_administrator(user)
            user.is_active = active
            user.save(update_fields=["is_active"])
            access_changed()
            action = "user-enabled" if active else "user-disabled"
            _note(action, user, actor, before=not active, after=active)
    return user_record(user)


def set_administrator(name: str, *, administrator: bool, actor: Actor | None = None) -> UserRecord:
    """Let a user do everything, or no more; raises ``BadInput`` when nobody else could."""
    with transaction.atomic():
        user = _row(name)
        if user.is_superuser != administrator:
            if not administrator:
                _keep_an_administrator(user)
            user.is_superuser = user.is_staff = administrator
            user.save(update_fields=["is_superuser", "is_staff"])
            access_changed()
            _note("administrator-changed", user, actor, before=not administrator, after=administrator)
    return user_record(user)


def set_password(name: str, password: str, *, actor: Actor | None = None) -> None:
    """Give a user another password; with it all his sessions end."""
    with transaction.atomic():
        user = _row(name)
        user.set_password(password)
        user.save(update_fields=["password"])
        access_changed()
        _note("password-changed", user, actor, before=None, after=None)


def verify_password(name: str, password: str) -> UserRecord | None:
    """The active user with this password, or None. Costs tens of milliseconds, for every name alike."""
    user = User.objects.filter(username=name).first()
    if user is None:
        # Hash all the same, so that the time does not tell which names exist.
        make_password(password)
        return None
    if not check_password(password, user.password, lambda given: _hash_anew(user.id, given)):
        return None
    if not user.is_active:
        return None
    return user_record(user)


def _hash_anew(user_id: int, password: str) -> None:
    """Keep a password as new ones are kept: an old hash, or one from elsewhere, is a weaker one."""
    # That it cannot be written now is no reason to keep somebody out.
    with suppress(DatabaseError), transaction.atomic():
        User.objects.filter(id=user_id).update(password=make_password(password))


def user_by_id(user_id: int) -> UserRecord | None:
    """The user of this id, if there still is one."""
    user = User.objects.filter(id=user_id).first()
    return user_record(user) if user is not None else None


def user_record(user: User) -> UserRecord:
    """The user as a value, with the best role that any of his teams gives in each repository."""
    roles: dict[int, str] = {}
    for grant in Grant.objects.filter(team__members=user):
        known = roles.get(grant.repository_id)
        if known is None or _RANK[Grant.Role(grant.role)] > _RANK[Grant.Role(known)]:
            roles[grant.repository_id] = grant.role
    return UserRecord(
        id=user.id,
        username=user.username,
        active=user.is_active,
        administrator=user.is_superuser,
        roles=roles,
    )


def _row(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise BadInput(f"There is no user {name!r}.")
    return user


def _keep_an_administrator(user: User) -> None:
    """Refuse what would leave nobody who may do everything."""
    # The rows are locked, so that two who shut each other out at once do not both succeed.
    active = User.objects.select_for_update().filter(is_superuser=True, is_active=True)
    if [one.id for one in active] == [user.id]:
        raise BadInput(f"{user.username!r} is the last administrator; make another one first.")


def _note(action: str, user: User, actor: Actor | None, *, before: object, after: object) -> None:
    if actor is not None:
        detail = {"before": before, "after": after}
        note(action, actor, at=datetime.now(UTC), subject=user.username, detail=detail)


def administrators_mail() -> list[str]:
    """Where administrators want mail, those who gave an address and are not shut out."""
    rows = User.objects.filter(is_superuser=True, is_active=True).exclude(email="").order_by("username")
    return list(rows.values_list("email", flat=True))
