"""What the networks of a repository mean for whoever looks at them: before a change, and after it.

The rules that the doors ask decide here, too, so what is foretold is what will happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from localshop.access.address import Visitor
from localshop.access.rules import Action, Identity, check, most_specific
from localshop.catalog.records import NetworkRecord, RepositoryRecord
from localshop.errors import CredentialsNeeded, NoRight


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a visitor may do; ``rule`` None: his address is in no network."""

    rule: NetworkRecord | None
    anybody: frozenset[Action]
    """Without credentials."""
    person: frozenset[Action]
    """With those of the person who asks."""

    @property
    def sentence(self) -> str:
        """For people."""
        if Action.READ not in self.person:
            return "You are locked out, with credentials and without."
        return f"You may download {self._how(Action.READ)}, and {self._how(Action.UPLOAD, 'upload ')}."

    def _how(self, action: Action, verb: str = "") -> str:
        if action in self.anybody:
            return f"{verb}without credentials"
        return f"{verb}with credentials" if action in self.person else f"not {verb}".rstrip()


@dataclass(frozen=True, slots=True)
class Change:
    """A change of networks, as it looks from where the visitor sits."""

    before: Outlook
    after: Outlook
    opens_upload: bool
    """Whether anybody there could then upload without credentials."""

    @property
    def verdict(self) -> str:
        """One line for people: whether it would let the visitor in, or lock him out."""
        was_in, is_in = Action.READ in self.before.person, Action.READ in self.after.person
        if was_in != is_in:
            return "This would let you in." if is_in else "This would lock you out."
        if not is_in:
            return "You would stay locked out."
        same = (self.before.anybody, self.before.person) == (self.after.anybody, self.after.person)
        return "This would let you in, as before." if same else "This would let you in, but not as before."

    @property
    def warnings(self) -> Sequence[str]:
        """What has to be confirmed; empty: nothing has."""
        lost = self.before.person - self.after.person
        found = []
        if Action.READ in lost:
            found.append("From your address you could use this repository no more.")
        elif Action.UPLOAD in lost:
            found.append("From your address you could upload no more.")
        if self.opens_upload:
            found.append("Anybody in this network could upload packages without credentials.")
        return found


def outlook(
    repository: RepositoryRecord,
    visitor: Visitor,
    identity: Identity | None,
    *,
    networks: Sequence[NetworkRecord] | None = None,
) -> Outlook:
    """What the networks of a repository, or ``networks`` in their place, let the visitor do."""
    if networks is not None:
        repository = replace(repository, networks=tuple(networks))
    return Outlook(
        rule=most_specific(repository.networks, visitor),
        anybody=_allowed(repository, visitor, None),
        person=_allowed(repository, visitor, identity),
    )


def compare(
    repository: RepositoryRecord,
    visitor: Visitor,
    identity: Identity | None,
    *,
    networks: Sequence[NetworkRecord],
) -> Change:
    """What it would mean to put ``networks`` in the place of those of the repository."""
    open_before = {rule.network for rule in repository.networks if _takes_anything(rule)}
    open_after = {rule.network for rule in networks if _takes_anything(rule)}
    return Change(
        before=outlook(repository, visitor, identity),
        after=outlook(repository, visitor, identity, networks=networks),
        opens_upload=bool(open_after - open_before),
    )


def _takes_anything(rule: NetworkRecord) -> bool:
    return rule.upload and not rule.credentials


def _allowed(repository: RepositoryRecord, visitor: Visitor, identity: Identity | None) -> frozenset[Action]:
    allowed = set()
    for action in Action:
        try:
            check(action, repository, visitor, identity=identity)
        except (CredentialsNeeded, NoRight):
            continue
        allowed.add(action)
    return frozenset(allowed)
