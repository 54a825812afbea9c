"""What advisories say of a project's releases, for its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from localshop.catalog.records import ProjectRecord
from localshop.policies.records import Finding
from localshop.protocol.osv import level
from localshop.shelf.parts import findings_of

from .releases import Release


@dataclass(frozen=True, slots=True)
class AdvisoryLine:
    """An advisory, and the releases of a project that it is about."""

    finding: Finding
    releases: Sequence[str]

    @property
    def word(self) -> str:
        """How bad it is, in a word; empty: it is not rated."""
        return "malicious" if self.finding.malicious else level(self.finding.severity)

    @property
    def bad(self) -> bool:
        """Whether it is worse than most."""
        return self.word in {"malicious", "critical", "high"}

    @property
    def fixed_in(self) -> str:
        """The versions that are mended."""
        return ", ".join(self.finding.affected.fixed_in())


def advisory_lines(found: ProjectRecord, every: Sequence[Release]) -> list[AdvisoryLine]:
    """The advisories about releases that the page shows, the worst first."""
    if found.kind == "private":
        return []
    lines = [
        AdvisoryLine(one, [each.version for each in every if one.affected.holds(each.version)])
        for one in findings_of(found)
    ]
    shown = [one for one in lines if one.releases]
    return sorted(
        shown, key=lambda one: (not one.finding.malicious, -(one.finding.severity or 0), one.finding.advisory)
    )


def advised(lines: Sequence[AdvisoryLine]) -> dict[str, str]:
    """For each release that an advisory is about, the worst word."""
    found: dict[str, str] = {}
    for line in lines:
        for version in line.releases:
            found.setdefault(version, "malicious" if line.finding.malicious else "vulnerable")
    return found
