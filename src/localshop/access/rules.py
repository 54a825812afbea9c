"""Who may do what: pure rules over values, asked by every door before anything else.

The most specific network that holds the visitor's address says whether credentials are needed and
whether uploads may come from there. Credentials then say how far they reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from localshop.catalog.records import CredentialRecord, NetworkRecord, RepositoryRecord, UserRecord
from localshop.errors import CredentialsNeeded, NoRight

from .address import Visitor

_UPLOADERS = frozenset({"developer", "owner"})


class Action(Enum):
    """What somebody wants to do in a repository."""

    READ = "read"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whose credentials are good: a person, a credential of his, or a machine's."""

    user: UserRecord | None = None
    credential: CredentialRecord | None = None


def check(
    action: Action, repository: RepositoryRecord, visitor: Visitor, *, identity: Identity | None
) -> bool:
    """Whether the visitor was let in because of his credentials (then True) or needs none.

    ``identity`` None: no credentials, or wrong ones. Raises ``CredentialsNeeded`` or ``NoRight``.
    """
    rule = most_specific(repository.networks, visitor)
    if rule is None:
        raise _refusal(
            identity, f"Your address is in no network that may use repository {repository.slug!r}."
        )
    if _open(action, rule, repository, visitor):
        return False
    if identity is None:
        # One sentence for both, so that it does not tell which names and keys exist.
        raise CredentialsNeeded(
            f"Repository {repository.slug!r} needs credentials from your address: none came, or wrong ones."
        )
    if action is Action.UPLOAD and not _may_upload_from(rule, repository, visitor):
        raise NoRight(f"Nobody may upload to repository {repository.slug!r} from your address.")
    if not reaches(action, repository, identity):
        raise NoRight(f"Your credentials do not allow to {action.value} in repository {repository.slug!r}.")
    return True


def most_specific(
    networks: Sequence[NetworkRecord], visitor: Visitor, *, credentials_only: bool = False
) -> NetworkRecord | None:
    """The smallest network that holds the visitor's address.

    A visitor through an untold proxy could be anybody, so only a network of everybody holds him.
    """
    if visitor.address is None:
        return None
    found: NetworkRecord | None = None
    for rule in networks:
        if visitor.address.version != rule.network.version or visitor.address not in rule.network:
            continue
        if (rule.network.prefixlen and not visitor.told) or (credentials_only and not rule.credentials):
            continue
        if found is None or rule.network.prefixlen > found.network.prefixlen:
            found = rule
    return found


def reaches(action: Action, repository: RepositoryRecord, identity: Identity) -> bool:
    """Whether credentials are good for this; those of a person never exceed the person."""
    credential, user = identity.credential, identity.user
    if credential is not None:
        if credential.repositories is not None and repository.id not in credential.repositories:
            return False
        if action is Action.UPLOAD and not credential.upload:
            return False
    if user is None:
        return credential is not None
    if not user.active:
        return False
    role = user.roles.get(repository.id)
    if user.administrator:
        return True
    if action is Action.UPLOAD:
        return role in _UPLOADERS
    return role is not None or not repository.members_only


def still_good(credential: CredentialRecord, now: datetime) -> bool:
    """Whether a credential is neither disabled nor expired, nor its user shut out."""
    if not credential.enabled or (credential.expires is not None and credential.expires <= now):
        return False
    return credential.user is None or credential.user.active


def _open(action: Action, rule: NetworkRecord, repository: RepositoryRecord, visitor: Visitor) -> bool:
    """Whether anybody may do this from there. Members only means what it says, wherever one sits."""
    if rule.credentials or not visitor.told or repository.members_only:
        return False
    return action is Action.READ or rule.upload


def _may_upload_from(rule: NetworkRecord, repository: RepositoryRecord, visitor: Visitor) -> bool:
    """A network that lets everybody read says nothing of those who show credentials.

    So the smallest one that asks for credentials decides for them: on a new installation one may
    read from this machine without credentials, and upload from it with them.
    """
    if not rule.credentials and not rule.upload:
        asking = most_specific(repository.networks, visitor, credentials_only=True)
        return asking is not None and asking.upload
    return rule.upload


def _refusal(identity: Identity | None, sentence: str) -> CredentialsNeeded | NoRight:
    return CredentialsNeeded(sentence) if identity is None else NoRight(sentence)
