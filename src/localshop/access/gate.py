"""The gate: says who asks, and lets in or refuses, before any cache is asked.

What it knows of repositories, credentials and people is kept in memory for one access generation.
Every request reads the generation; a withdrawn right therefore ends with the next request.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import Error as DatabaseError

from localshop.catalog import credentials, guessing, people, repositories
from localshop.catalog.records import CredentialRecord, Refused, RepositoryRecord, UserRecord
from localshop.errors import CredentialsNeeded, NoRight, Refusal
from localshop.observe.log import event, get_logger
from localshop.shop import Shop

from . import upload_token
from .address import Visitor, visitor
from .admission import Admission, Asker, asker, can_be_kept, good_until
from .authorization import Presented, old_keys, presented
from .rules import Action, Identity, check, still_good

UNTOLD_PROXY = "untold-proxy"
"""An empty file in the home, written about once an hour while a proxy is there that nobody told us of."""
_UNTOLD_EVERY = 3600.0
_KEPT = 10_000
_PASSWORD_GOOD_FOR = 30.0
_PASSWORDS_AT_ONCE = 2

log = get_logger(__name__)


@dataclass(slots=True)
class Roster:
    """All that was read in one access generation."""

    generation: int
    repositories: dict[str, RepositoryRecord]
    by_key: dict[str, CredentialRecord | None] = field(default_factory=dict)
    by_secret: dict[str, CredentialRecord | None] = field(default_factory=dict)
    passwords: dict[bytes, tuple[float, UserRecord | None]] = field(default_factory=dict)
    admitted: dict[Asker, tuple[float, Admission]] = field(default_factory=dict)
    """Who was let in to read, and until when that holds."""


class Gate:
    """Decides for the doors of one process."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._roster = Roster(0, {})
        self._salt = secrets.token_bytes(32)
        self._hashing = asyncio.Semaphore(_PASSWORDS_AT_ONCE)
        self._used: dict[int, tuple[float, str]] = {}
        self._untold_until = 0.0

    def repository(self, slug: str) -> RepositoryRecord | None:
        """The repository as last read; ``knows`` tells whether that still holds."""
        return self._roster.repositories.get(slug)

    def knows(self, generation: int) -> bool:
        """Whether what is in memory is of this access generation."""
        return self._roster.generation == generation

    async def learn(self, generation: int) -> None:
        """Read it anew, because this is the generation now."""
        found = await self._shop.look(repositories.every_repository)
        self._roster = Roster(generation, {one.slug: one for one in found})

    async def open(self) -> None:
        """Read who may come in before anybody does. If the database cannot be read now, that can wait."""
        with suppress(DatabaseError):
            await self.learn((await self._shop.reads.token(0, "")).access)

    async def admit(
        self, action: Action, repository: RepositoryRecord, scope: Mapping[str, Any]
    ) -> Admission:
        """Let somebody into a repository; raises ``CredentialsNeeded`` or ``NoRight``."""
        headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
        peer, now = (scope.get("client") or ("",))[0], self._shop.now()
        if action is Action.READ:
            key = asker(repository.slug, peer, headers)
            until, admission = self._roster.admitted.get(key) or (0.0, None)
            if admission is None or until <= now:
                admission = await self._admit_reader(key, repository, peer, headers)
        else:
            admission, _ = await self._judge(action, repository, peer, headers)
        identity = admission.identity
        if identity is not None and identity.credential is not None:
            self._used[identity.credential.id] = (now, admission.address)
        return admission

    async def _admit_reader(
        self, key: Asker, repository: RepositoryRecord, peer: str, headers: Sequence[tuple[bytes, bytes]]
    ) -> Admission:
        """Judge somebody who wants to read, and if he may, let him in unjudged until something changes."""
        roster = self._roster
        admission, who = await self._judge(Action.READ, repository, peer, headers)
        # Another roster may have been read meanwhile: this one is nobody's any more then.
        if (
            who.told
            and can_be_kept(admission, headers)
            and roster.repositories.get(repository.slug) is repository
        ):
            if len(roster.admitted) >= _KEPT:
                roster.admitted.clear()
            roster.admitted[key] = (good_until(admission), admission)
        return admission

    async def _judge(
        self, action: Action, repository: RepositoryRecord, peer: str, headers: Sequence[tuple[bytes, bytes]]
    ) -> tuple[Admission, Visitor]:
        who = visitor(peer, headers, trusted=self._shop.config.trusted_proxies)
        if not who.told:
            self._warn_of_untold_proxy()
        header = next((value for name, value in headers if name == b"authorization"), None)
        address = str(who.address) if who.told and who.address is not None else ""
        shown, identity = presented(header), None
        try:
            if header is not None:
                identity = await self._identify(shown, address)
            else:
                identity = await self._at_upload_page(action, repository, headers)
            check(action, repository, who, identity=identity)
        except Refusal as error:
            self._note_refusal(error, Admission(repository, identity, True, address), shown)
            raise
        return Admission(repository, identity, private=header is not None, address=address), who

    async def _at_upload_page(
        self, action: Action, repository: RepositoryRecord, headers: Sequence[tuple[bytes, bytes]]
    ) -> Identity | None:
        """The person whose browser uploads; he is looked up each time, so that shut out is shut out."""
        token = next((value for name, value in headers if name == upload_token.HEADER), None)
        if action is not Action.UPLOAD or token is None:
            return None
        user_id = upload_token.read(token, repository.id)
        user = await self._shop.look(people.user_by_id, user_id) if user_id is not None else None
        if user is None or not user.active:
            # Not "credentials needed": at that a browser would ask for a password in a window of its own.
            raise NoRight("The upload page is too old; reload it and try again.")
        return Identity(user)

    async def _identify(self, shown: Presented | None, address: str) -> Identity | None:
        if shown is None:
            return None
        credential = await self._credential(shown)
        if credential is not None:
            now = datetime.fromtimestamp(self._shop.now(), tz=UTC)
            return Identity(credential.user, credential) if still_good(credential, now) else None
        if not shown.username or shown.username.startswith(credentials.ACCESS_PREFIX):
            return None
        user = await self._person(shown, address)
        return Identity(user) if user is not None else None

    async def _credential(self, shown: Presented) -> CredentialRecord | None:
        """The credential of a pair of keys, or of a secret key alone."""
        if not shown.access_key:
            digest = credentials.digest_of(shown.secret)
            return await self._looked_up(self._roster.by_secret, digest, secret_sha256=digest)
        if not shown.access_key.startswith(credentials.ACCESS_PREFIX):
            old = old_keys(shown)
            if old is None:
                return None
            shown = old
        digest = credentials.digest_of(shown.secret)
        found = await self._looked_up(self._roster.by_key, shown.access_key, access_key=shown.access_key)
        # Compared in constant time, so that the time tells nothing of how much of it was right.
        if found is None or not hmac.compare_digest(found.secret_sha256, digest):
            return None
        return found

    async def _looked_up(
        self, known: dict[str, CredentialRecord | None], key: str, **by: str
    ) -> CredentialRecord | None:
        if key not in known:
            if len(known) >= _KEPT:
                # Somebody is guessing: what is known is cheap to read again.
                known.clear()
            known[key] = await self._shop.look(credentials.find_credential, **by)
        return known[key]

    async def _person(self, shown: Presented, address: str) -> UserRecord | None:
        """A user and his password. A password is slow to verify, so the answer is kept for seconds."""
        moment, now = self._shop.steady(), self._shop.now()
        pair = f"{shown.username}\0{shown.secret}".encode()
        key = hmac.digest(self._salt, pair, hashlib.sha256)
        known = self._roster.passwords
        kept = known.get(key)
        if kept is not None and moment < kept[0]:
            return kept[1]
        async with self._hashing:
            kept = known.get(key)
            if kept is not None and moment < kept[0]:
                # Somebody with the same password was in front of the queue.
                return kept[1]
            where: dict[str, Any] = {"address": address, "now": now}
            user = await self._shop.look(guessing.verified, shown.username, shown.secret, **where)
            if user is None:
                await self._shop.run(guessing.failed, shown.username, **where)
        if len(known) >= _KEPT:
            known.clear()
        known[key] = (moment + _PASSWORD_GOOD_FOR, user)
        return user

    def _note_refusal(self, error: Refusal, refused: Admission, shown: Presented | None) -> None:
        """Have the journal tell of somebody who was not let in.

        Not when he showed nothing: clients do so first, and come again with what they have. Not of a
        wrong password: that is told of when it is written down for the limit of guessing.
        """
        name = refused.who if refused.identity is not None else ""
        if refused.identity is None and isinstance(error, CredentialsNeeded):
            if shown is None or (shown.username and not shown.username.startswith(credentials.ACCESS_PREFIX)):
                return
            # Whatever else somebody may have typed there by mistake is not kept.
            name = shown.access_key if shown.access_key.startswith(credentials.ACCESS_PREFIX) else ""
        one = Refused(error.slug, refused.repository.slug, who=name[:64], address=refused.address)
        self._shop.refusals.note(one, self._shop.now())

    async def write_uses(self) -> None:
        """Write down when and from where credentials were last used, in one batch, not request by request."""
        used, self._used = self._used, {}
        try:
            if used:
                await self._shop.run(credentials.note_use, used)
        except BaseException:
            # The next batch has them.
            self._used = used | self._used
            raise

    def _warn_of_untold_proxy(self) -> None:
        now = self._shop.steady()
        if now < self._untold_until:
            return
        if not self._untold_until:
            event(
                log,
                logging.WARNING,
                "untold-proxy",
                "Requests come through a proxy on this machine that LOCALSHOP_TRUSTED_PROXIES does not "
                "name: the clients' addresses are not known, so credentials are asked of all of them.",
            )
        self._untold_until = now + _UNTOLD_EVERY
        # `localshop doctor` looks when this was last written; it is no reason to refuse anybody.
        with suppress(OSError):
            (self._shop.config.home / UNTOLD_PROXY).write_text("", encoding="ascii")


__all__ = ["Action", "Admission", "Gate", "Roster", "Visitor"]
