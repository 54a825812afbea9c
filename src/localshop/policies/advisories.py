"""Advisories: what is known to do harm is hidden, and what is known to be vulnerable if that is wanted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from localshop.protocol.affected import Union
from localshop.protocol.osv import LEVELS

from .reading import one_of
from .records import FOR_GOOD, SHOWN, Case, Finding, Mode, Subject

_LEAST = dict(LEVELS)
SEVERITIES = (*_LEAST, "any")
"""From which severity on a vulnerability counts; ``any``: also one of which no severity is told."""
_HIDE_OR_SHOW = ("hide", "show")


class _Hits:
    """Which versions any of the findings is about; nearly all files of a release ask the same."""

    __slots__ = ("_known", "_union")

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._union = Union(one.affected for one in findings)
        self._known: dict[str, bool] = {}

    def holds(self, version: str) -> bool:
        known = self._known.get(version)
        if known is None:
            known = self._known[version] = self._union.holds(version)
        return known


@dataclass(frozen=True, slots=True)
class Advisories:
    """Hides releases that an advisory calls malicious. It is on where nothing is said of it.

    Private projects are exempt: attackers take the names of companies' own packages, so an advisory of
    such a name is about somebody else's package.
    """

    name: ClassVar[str] = "advisories"
    lifted_by_allow: ClassVar[bool] = True
    slug: ClassVar[str] = "malicious"

    mode: Mode = "enforced"
    malicious: str = "hide"
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    """Those about the project that it was narrowed to."""
    _hits: _Hits = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hits", _Hits(self.findings))

    @classmethod
    def read(cls, told: Mapping[str, object], mode: Mode) -> Self:
        """Make it of ``{"malicious": "hide"}``, or ``show`` where it is off."""
        return cls(mode, one_of(told, "malicious", _HIDE_OR_SHOW, default="hide"))

    def told(self) -> dict[str, object]:
        """Itself as JSON."""
        return {"malicious": self.malicious}

    def about(self, case: Case) -> Sequence[Self]:
        """Its part for a mirrored project of which there are such advisories."""
        found = tuple(one for one in case.findings if one.malicious)
        if case.private or self.malicious != "hide" or not found:
            return ()
        return (replace(self, findings=found),)

    def beyond(self, known: Collection[str]) -> Self | None:
        """Its part for the findings of other advisories than these, if there are any."""
        found = tuple(one for one in self.findings if one.advisory not in known)
        return replace(self, findings=found) if found else None

    def until(self, subject: Subject, now: float) -> float:  # noqa: ARG002 -- all rules are asked alike.
        """For good, or not at all."""
        return FOR_GOOD if self._hits.holds(subject.version) else SHOWN

    def reason(self, case: Case, subject: Subject) -> tuple[str, str]:
        """Which advisory says so."""
        return (
            self.slug,
            f"{_what(case, subject)} is malicious, says {_says(_first(self.findings, subject))}.",
        )


@dataclass(frozen=True, slots=True)
class Vulnerable:
    """Hides releases with a known vulnerability of this severity or a higher one."""

    name: ClassVar[str] = "vulnerable"
    lifted_by_allow: ClassVar[bool] = True
    slug: ClassVar[str] = "vulnerable"

    severity: str
    mode: Mode = "enforced"
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    _hits: _Hits = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hits", _Hits(self.findings))

    @classmethod
    def read(cls, told: Mapping[str, object], mode: Mode) -> Self:
        """Make it of ``{"severity": "high"}``."""
        return cls(one_of(told, "severity", SEVERITIES, default="critical"), mode)

    def told(self) -> dict[str, object]:
        """Itself as JSON."""
        return {"severity": self.severity}

    def about(self, case: Case) -> Sequence[Self]:
        """Its part for a mirrored project of which there are advisories that are bad enough."""
        found = tuple(one for one in case.findings if not one.malicious and self._counts(one))
        if case.private or not found:
            return ()
        worst_first = sorted(found, key=lambda one: (-(one.severity or 0.0), one.advisory))
        return (replace(self, findings=tuple(worst_first)),)

    def until(self, subject: Subject, now: float) -> float:  # noqa: ARG002 -- all rules are asked alike.
        """For good, or not at all."""
        return FOR_GOOD if self._hits.holds(subject.version) else SHOWN

    def reason(self, case: Case, subject: Subject) -> tuple[str, str]:
        """Which advisory says so, and how bad it is."""
        found = _first(self.findings, subject)
        score = f" of severity {found.severity}" if found is not None and found.severity is not None else ""
        return self.slug, f"{_what(case, subject)} has a known vulnerability{score}: {_says(found)}."

    def _counts(self, finding: Finding) -> bool:
        if self.severity == "any":
            return True
        return finding.severity is not None and finding.severity >= _LEAST[self.severity]


def _first(findings: Sequence[Finding], subject: Subject) -> Finding | None:
    return next((one for one in findings if one.affected.holds(subject.version)), None)


def _what(case: Case, subject: Subject) -> str:
    return f"{case.project} {subject.version}".rstrip()


def _says(finding: Finding | None) -> str:
    if finding is None:
        return "nobody any more"
    return f"{finding.advisory} ({finding.summary})" if finding.summary else finding.advisory
