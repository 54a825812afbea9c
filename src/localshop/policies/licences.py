"""Licences: which ones are wanted, by the SPDX expression that a release tells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from localshop.errors import BadInput

from .reading import one_of, texts
from .records import FOR_GOOD, SHOWN, Case, Mode, Subject

_TOKEN = re.compile(r"[()]|[^\s()]+")
_BEGINNING = re.compile(r"[A-Za-z0-9.-]+\*\Z")


@dataclass(frozen=True, slots=True)
class Licences:
    """Hides releases whose licence is not one of ``allow`` (none: all are), or is one of ``deny``.

    Entries are SPDX identifiers, or the beginning of some (``GPL-*``). ``unknown``: what becomes of a
    release that tells no licence in a form that a machine can read.
    """

    name: ClassVar[str] = "licences"
    lifted_by_allow: ClassVar[bool] = True
    slug: ClassVar[str] = "licence"

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    unknown: str = "allow"
    mode: Mode = "enforced"
    _known: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def read(cls, told: Mapping[str, object], mode: Mode) -> Self:
        """Make it of ``{"allow": ["MIT"], "deny": [], "unknown": "hide"}``; each may be missing."""
        allow, deny = (tuple(dict.fromkeys(map(_entry, texts(told, key)))) for key in ("allow", "deny"))
        return cls(allow, deny, one_of(told, "unknown", ("allow", "hide"), default="allow"), mode)

    def told(self) -> dict[str, object]:
        """Itself as JSON."""
        return {"allow": list(self.allow), "deny": list(self.deny), "unknown": self.unknown}

    def about(self, case: Case) -> Sequence[Self]:
        """Private projects are exempt."""
        return () if case.private else (self,)

    def until(self, subject: Subject, now: float) -> float:  # noqa: ARG002 -- all rules are asked alike.
        """For good, or not at all."""
        licence = subject.licence
        fits = self._known.get(licence)
        if fits is None:
            fits = self._known[licence] = self._fits(licence)
        return SHOWN if fits else FOR_GOOD

    def reason(self, case: Case, subject: Subject) -> tuple[str, str]:
        """What it says of itself."""
        release = f"{case.project} {subject.version}"
        if not subject.licence:
            slug = "licence-unknown"
            return slug, f"{release} tells no licence that a machine can read."
        return self.slug, f"{release} is under {subject.licence}, which is not wanted here."

    def _fits(self, licence: str) -> bool:
        if not licence:
            return self.unknown == "allow"
        tokens = _TOKEN.findall(licence)
        fits = self._either(tokens)
        return fits and not tokens

    def _either(self, tokens: list[str]) -> bool:
        """``A OR B``: one of them is enough. What was read is taken from the list."""
        found = self._both(tokens)
        while tokens[:1] == ["OR"]:
            del tokens[0]
            found |= self._both(tokens)
        return found

    def _both(self, tokens: list[str]) -> bool:
        found = self._one(tokens)
        while tokens[:1] == ["AND"]:
            del tokens[0]
            found &= self._one(tokens)
        return found

    def _one(self, tokens: list[str]) -> bool:
        if tokens[:1] == ["("]:
            del tokens[0]
            found = self._either(tokens)
            del tokens[:1]
            return found
        licence = tokens.pop(0) if tokens else ""
        if tokens[:1] == ["WITH"]:
            # An exception only gives more rights, so the licence alone is enough, too.
            names = {licence, f"{licence} WITH {' '.join(tokens[1:2])}"}
            del tokens[:2]
        else:
            # "or any later version" may be had as this version.
            names = {licence, licence.removesuffix("+")}
        wanted = not self.allow or any(_holds(entry, names) for entry in self.allow)
        return wanted and not any(_holds(entry, names) for entry in self.deny)


def _entry(text: str) -> str:
    if _BEGINNING.match(text):
        return text
    try:
        expression: str = canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        expression = ""
    if not expression or re.search(r"[()]| AND | OR ", expression):
        raise BadInput(f"{text!r} is no SPDX licence, such as MIT, and no beginning of some, such as GPL-*.")
    return expression


def _holds(entry: str, names: set[str]) -> bool:
    if entry.endswith("*"):
        return any(name.lower().startswith(entry[:-1].lower()) for name in names)
    return entry in names
