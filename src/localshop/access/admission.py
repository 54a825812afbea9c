"""Somebody who was let in, and for how long that need not be judged again."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from localshop.catalog.records import RepositoryRecord

from .address import telling
from .rules import Identity

_LONGEST = 1000
"""Bytes of headers in a key: memory has an end."""

Asker = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody was let in; ``private``: because of credentials, or while showing some."""

    repository: RepositoryRecord
    identity: Identity | None
    private: bool
    address: str = ""

    @property
    def who(self) -> str:
        """What the journal calls him: an access key, a user's name, or nobody in particular."""
        if self.identity is None:
            return "anonymous"
        credential, user = self.identity.credential, self.identity.user
        return credential.access_key if credential is not None else user.username if user else "anonymous"

    @property
    def mark(self) -> str:
        """The same as long as he is the same: of a person, with whichever credential, or of a machine."""
        if self.identity is None:
            return ""
        if self.identity.user is not None:
            return f"user {self.identity.user.id}"
        return f"credential {self.identity.credential.id}" if self.identity.credential is not None else ""

    @property
    def owner(self) -> bool:
        """Whether he owns the repository."""
        user = self.identity.user if self.identity is not None else None
        if user is None:
            return False
        return user.administrator or user.roles.get(self.repository.id) == "owner"


def asker(slug: str, peer: str, headers: Sequence[tuple[bytes, bytes]]) -> Asker:
    """All of a request to read that the gate looks at, as a key; of a secret only the digest is kept."""
    shown = [hashlib.sha256(value).digest() for name, value in headers if name == b"authorization"]
    return (slug, peer, *shown, *telling(headers))


def can_be_kept(admission: Admission, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the same asker may come in again within the access generation without being judged.

    Not with a password: that holds for seconds, and a wrong one, where everybody may read, has to count
    as a guess each time.
    """
    identity = admission.identity
    if admission.private and (identity is None or identity.credential is None):
        return False
    return sum(len(name) + len(value) for name, value in telling(headers)) <= _LONGEST


def good_until(admission: Admission) -> float:
    """When his credential expires, in seconds since the epoch. All else that changes is told to the gate."""
    credential = admission.identity.credential if admission.identity is not None else None
    if credential is None or credential.expires is None:
        return math.inf
    return credential.expires.timestamp()
