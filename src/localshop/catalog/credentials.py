"""Credentials: made, disabled, deleted, looked up by key or by secret."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from django.db import transaction

from localshop.errors import BadInput

from .journal import Actor, note
from .models import Credential, Repository, User
from .people import user_record
from .records import CredentialListed, CredentialRecord
from .repositories import repository
from .state import access_changed

ACCESS_PREFIX = "lsk_"
SECRET_PREFIX = "lsp_"  # noqa: S105 -- so that scanners for leaked secrets know one of ours.


def create_credential(
    *,
    repositories: Sequence[str] = (),
    user: str | None = None,
    upload: bool = False,
    expires: datetime | None = None,
    comment: str = "",
    actor: Actor | None = None,
) -> tuple[CredentialListed, str]:
    """Make a credential; the second value is its secret key, which is kept nowhere.

    No ``repositories``: it is good everywhere. ``actor`` None: nothing is journaled. The secret has
    256 random bits, so its plain SHA-256 cannot be guessed back; a slow hash would only slow every request.
    """
    secret = SECRET_PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        owner = None
        if user is not None:
            owner = User.objects.filter(username=user).first()
            if owner is None:
                raise BadInput(f"There is no user {user!r}.")
        row = Credential.objects.create(
            access_key=ACCESS_PREFIX + secrets.token_hex(10),
            secret_sha256=digest_of(secret),
            user=owner,
            everywhere=not repositories,
            upload=upload,
            expires=expires,
            comment=comment,
        )
        row.repositories.set(Repository.objects.filter(id__in=[repository(slug).id for slug in repositories]))
        access_changed()
        listed = _listed(row)
        _note("credential-made", listed, actor)
    return listed, secret


def every_credential() -> list[CredentialListed]:
    """All credentials, oldest first."""
    rows = Credential.objects.order_by("id").select_related("user").prefetch_related("repositories")
    return [_listed(row) for row in rows]


def credential(access_key: str) -> CredentialListed:
    """The credential of this access key; raises ``BadInput`` when there is none."""
    return _listed(_row(access_key))


def set_enabled(access_key: str, *, enabled: bool, actor: Actor | None = None) -> CredentialListed:
    """Disable a credential, or let it in again; raises ``BadInput`` when there is none."""
    with transaction.atomic():
        row = _row(access_key)
        row.enabled = enabled
        row.save(update_fields=["enabled"])
        access_changed()
        listed = _listed(row)
        _note("credential-enabled" if enabled else "credential-disabled", listed, actor)
    return listed


def delete_credential(access_key: str, *, actor: Actor | None = None) -> CredentialListed:
    """Delete a credential and give what it was; raises ``BadInput`` when there is none."""
    with transaction.atomic():
        row = _row(access_key)
        listed = _listed(row)
        row.delete()
        access_changed()
        _note("credential-deleted", listed, actor)
    return listed


def find_credential(
    *, access_key: str | None = None, secret_sha256: str | None = None
) -> CredentialRecord | None:
    """The credential of this access key, or of the secret with this digest."""
    rows = Credential.objects.select_related("user").prefetch_related("repositories")
    row = (
        rows.filter(access_key=access_key).first()
        if access_key is not None
        else rows.filter(secret_sha256=secret_sha256).first()
    )
    if row is None:
        return None
    return CredentialRecord(
        id=row.id,
        access_key=row.access_key,
        secret_sha256=row.secret_sha256,
        user=user_record(row.user) if row.user else None,
        repositories=None if row.everywhere else frozenset(one.id for one in row.repositories.all()),
        upload=row.upload,
        enabled=row.enabled,
        expires=row.expires,
    )


def comments(access_keys: Collection[str]) -> dict[str, str]:
    """What was written beside these credentials when they were made, as far as they are still there."""
    rows = Credential.objects.filter(access_key__in=access_keys)
    return dict(rows.values_list("access_key", "comment"))


def note_use(uses: Mapping[int, tuple[float, str]]) -> None:
    """Write down when credentials (by id) were last used, in seconds since the epoch, and from where."""
    with transaction.atomic():
        # In one order, so that two processes never wait for each other's rows.
        for credential_id, (seconds, address) in sorted(uses.items()):
            Credential.objects.filter(id=credential_id).update(
                last_used=datetime.fromtimestamp(seconds, tz=UTC), last_address=address
            )


def digest_of(secret: str) -> str:
    """The form in which a secret key is kept: SHA-256, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _row(access_key: str) -> Credential:
    row = Credential.objects.filter(access_key=access_key).first()
    if row is None:
        raise BadInput(f"There is no credential {access_key!r}.")
    return row


def _listed(row: Credential) -> CredentialListed:
    return CredentialListed(
        access_key=row.access_key,
        repositories=None if row.everywhere else tuple(sorted(one.slug for one in row.repositories.all())),
        upload=row.upload,
        user=row.user.username if row.user else None,
        comment=row.comment,
        expires=row.expires,
        enabled=row.enabled,
        created=row.created,
        last_used=row.last_used,
        last_address=row.last_address,
    )


def _note(action: str, one: CredentialListed, actor: Actor | None) -> None:
    if actor is None:
        return
    reach = one.repositories
    note(
        action,
        actor,
        at=datetime.now(UTC),
        repository=reach[0] if reach is not None and len(reach) == 1 else "",
        subject=one.access_key,
        detail={
            "user": one.user,
            "repositories": reach,
            "upload": one.upload,
            "expires": one.expires.isoformat() if one.expires is not None else None,
            "comment": one.comment,
        },
    )
