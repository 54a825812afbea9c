"""What the judge is told of a file and of its project, and what he answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from localshop.protocol.affected import Affected

Mode = Literal["enforced", "watched"]
"""What a rule does: hides, or only says what it would hide."""
MODES: tuple[Mode, ...] = ("enforced", "watched")

SHOWN = 0.0
"""What a rule says of a file that it does not hide, in the place of a time until when it does."""
FOR_GOOD = float("inf")
"""As long as things are as they are: no time is known at which this ends."""


class Subject(NamedTuple):
    """A file, as far as rules look at it. All times are seconds since the epoch.

    ``version`` is as spelled in its name; ``kind`` is ``wheel`` or ``sdist``. ``uploaded`` is the time
    that its upstream gives, None: it gives none; ``seen``: when we first saw it, None: it is not known.
    ``licence`` is an SPDX expression, "" when it is not known. ``gone``: since when its upstream has it no
    more, None: it has it.
    """

    filename: str
    version: str
    kind: str
    uploaded: float | None = None
    seen: float | None = None
    yanked: bool | str = False
    licence: str = ""
    gone: float | None = None


class Pass(NamedTuple):
    """Somebody let a version through, whatever the rules say, for a reason and until a time.

    ``version`` "": every version. ``rule`` is the name of the one rule that it lifts, "": all of them.
    ``until`` None: for good. ``knowing``: the advisories that called the project malicious when it was
    given; of one that comes later, whoever gave it knew nothing.
    """

    version: str
    until: float | None
    rule: str = ""
    reason: str = ""
    who: str = ""
    knowing: frozenset[str] = frozenset()


class Finding(NamedTuple):
    """What one advisory says of a project. ``severity`` is a CVSS score, None: it tells none."""

    advisory: str
    affected: Affected
    malicious: bool = False
    severity: float | None = None
    summary: str = ""


class Hold(NamedTuple):
    """Somebody holds a version back by hand, for a reason, until he lets it go."""

    version: str
    reason: str
    who: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A project, as far as rules look at it: what is the same for all of its files.

    ``used``: somebody here has had a file of it, or uploaded one. ``status`` and ``status_reason`` are
    PEP 792's. ``findings`` are those of the advisories that name the project; ``holds`` are by hand.
    """

    project: str
    private: bool = False
    used: bool = False
    status: str = "active"
    status_reason: str = ""
    passes: Sequence[Pass] = ()
    findings: Sequence[Finding] = ()
    holds: Sequence[Hold] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a file is hidden; ``until``: seconds since the epoch, None: for as long as it is so.

    ``rule`` is the name of the rule, as commands and forms know it. ``watched``: it only would be hidden.
    """

    slug: str
    sentence: str
    rule: str
    until: float | None = None
    watched: bool = False
