"""What is hidden of a project, in a few lines: by which rules, how much, and what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from localshop.policies.first_seen import FirstSeen

from .releases import FileLine, Release


@dataclass(frozen=True, slots=True)
class HiddenBy:
    """One rule, and how many files it hides, or would; ``ends``: when the first of them comes out."""

    rule: str
    watched: bool
    files: int
    releases: Sequence[str]
    ends: datetime | None

    @property
    def held(self) -> bool:
        """Whether somebody can approve the name."""
        return self.rule == FirstSeen.name


def hidden(every: Sequence[Release]) -> list[HiddenBy]:
    """The rules that say something of these releases: first those that hide."""
    found: dict[tuple[bool, str], list[tuple[FileLine, float | None]]] = {}
    for line in (line for release in every for line in release.files):
        for verdict in line.verdicts:
            found.setdefault((verdict.watched, verdict.rule), []).append((line, verdict.until))
    return [_by(rule, lines, watched=watched) for (watched, rule), lines in sorted(found.items())]


def _by(rule: str, lines: Sequence[tuple[FileLine, float | None]], *, watched: bool) -> HiddenBy:
    ends = [until for _, until in lines if until is not None]
    return HiddenBy(
        rule=rule,
        watched=watched,
        files=len(lines),
        releases=list(dict.fromkeys(line.version for line, _ in lines)),
        ends=datetime.fromtimestamp(min(ends), tz=UTC) if ends else None,
    )
