"""The rules of a repository, as one value: read from JSON, written as JSON, told apart by a mark."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from localshop.errors import BadInput

from .advisories import Advisories, Vulnerable
from .block import Block
from .cooldown import Cooldown
from .first_seen import FirstSeen
from .freeze import Freeze
from .gone import Gone
from .kinds import Kinds
from .licences import Licences
from .listed import Listed, every
from .reading import one_of, texts
from .records import MODES, Mode
from .rule import Rule
from .yanked import Yanked

_EVERY: tuple[type[Rule], ...] = (
    *(Advisories, Vulnerable, Block),
    *(FirstSeen, Freeze, Cooldown, Gone, Yanked, Kinds, Licences),
)
KINDS: Mapping[str, type[Rule]] = {kind.name: kind for kind in _EVERY}  # type: ignore[misc]  # A class has it, too.
"""Every rule there is, by its name, in the order in which one of them answers for several."""
ALLOW = "allow"
"""Not a rule, but the list of what the rules let alone."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a repository hides, or would hide. Rules that are off are not in it.

    ``mark`` is another one for other rules: what was made under one mark is not good under another. It is
    "" while there are none.
    """

    rules: tuple[Rule, ...] = ()
    allow: tuple[Listed, ...] = ()
    mark: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        told = self.told()
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        object.__setattr__(self, "mark", digest[:8] if told else "")

    @property
    def in_force(self) -> Sequence[Rule]:
        """All rules that the judge asks: malicious releases are hidden unless something else is said."""
        return self.rules if self.get(Advisories.name) is not None else (_UNLESS_SAID, *self.rules)

    def get(self, name: str) -> Rule | None:
        """The rule of this name; None: it is off."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def told(self) -> dict[str, dict[str, object]]:
        """All of it as JSON."""
        shape: dict[str, dict[str, object]] = {
            rule.name: {**rule.told(), "mode": rule.mode} for rule in self.rules
        }
        if self.allow:
            shape[ALLOW] = {"entries": [str(entry) for entry in self.allow]}
        return shape


def read(told: object) -> Rules:
    """Read rules from JSON; raises ``BadInput`` for what is not known or cannot be."""
    if not isinstance(told, dict):
        raise BadInput("The rules of a repository are an object, with the name of each rule as a key.")
    unknown = set(told) - {*KINDS, ALLOW}
    if unknown:
        raise BadInput(f"There is no rule {min(unknown)!r}: there are {', '.join([*KINDS, ALLOW])}.")
    for name, one in told.items():
        if not isinstance(one, dict):
            raise BadInput(f"The rule {name!r} is an object, not {one!r}.")
    rules = tuple(_rule(kind, told[name]) for name, kind in KINDS.items() if name in told)
    return Rules(rules, every(texts(told.get(ALLOW, {}), "entries")))


def stored(told: Mapping[str, Any]) -> Rules:
    """Read rules as they were saved. One of a newer version of localshop is left out: it is unknown."""
    return read({name: one for name, one in told.items() if name in KINDS or name == ALLOW})


def _rule(kind: type[Rule], told: Mapping[str, object]) -> Rule:
    mode = cast("Mode", one_of(told, "mode", MODES, default="enforced"))
    given = {key: value for key, value in told.items() if key != "mode"}
    rule = kind.read(given, mode)
    unknown = set(given) - set(rule.told())
    if unknown:
        raise BadInput(f"The rule {rule.name!r} has no {min(unknown)!r}: it has {', '.join(rule.told())}.")
    return rule


_UNLESS_SAID = Advisories()

NO_RULES = Rules()
"""Of a new repository: everything is shown."""
