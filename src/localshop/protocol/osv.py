"""Advisories as OSV writes them (the OSV schema, version 1): what is read of one record. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .affected import EVERYTHING, Affected, read_affected
from .names import is_name, normalise

ECOSYSTEM = "PyPI"
LARGEST = 4 << 20
"""Bytes of one record."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}\Z")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?\Z")
_MALICIOUS = "MAL-"
_WORDS = {"low": 3.9, "moderate": 6.9, "medium": 6.9, "high": 8.9, "critical": 10.0}
"""What a rating in words is worth as a CVSS score: the upper end, to be careful."""
LEVELS = (("critical", 9.0), ("high", 7.0), ("medium", 4.0), ("low", 0.1))
"""CVSS 3.1 and 4.0, "Qualitative Severity Rating Scale": from which score on."""


class Unreadable(ValueError):
    """A record that is none, or that cannot be believed."""


@dataclass(frozen=True, slots=True)
class Advisory:
    """What one record says. ``severity`` is a CVSS score, None: it tells none.

    ``affected`` has the projects of PyPI (normalised), none when it was withdrawn. ``modified`` and
    ``withdrawn`` are RFC 3339 as it writes them, the latter "" if it holds.
    """

    id: str
    modified: str
    withdrawn: str
    summary: str
    severity: float | None
    affected: Mapping[str, Affected]

    @property
    def malicious(self) -> bool:
        """Whether the project, or these versions of it, were made to do harm."""
        return is_malicious(self.id)


def is_malicious(advisory: str) -> bool:
    """Whether an advisory of this name tells of malicious packages, not of a fault (OSSF's records do)."""
    return advisory.startswith(_MALICIOUS)


def level(severity: float | None) -> str:
    """The word for a CVSS score; "" where none is told, or it is 0."""
    return next((name for name, least in LEVELS if severity is not None and severity >= least), "")


def read(body: bytes) -> Advisory:
    """Read a record; raises ``Unreadable``. Entries that are not about PyPI are left out."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("It is no JSON.") from error
    if not isinstance(told, dict):
        raise Unreadable("It is no object.")
    name, modified = told.get("id"), told.get("modified")
    if not isinstance(name, str) or not _ID.match(name):
        raise Unreadable(f"{name!r} cannot be the name of an advisory.")
    if not isinstance(modified, str) or not _MOMENT.match(modified):
        raise Unreadable(f"{modified!r} is no time.")
    withdrawn = told.get("withdrawn")
    gone = withdrawn if isinstance(withdrawn, str) else ""
    return Advisory(
        id=name,
        modified=modified,
        withdrawn=gone,
        summary=_text(told, "summary"),
        severity=_severity(told),
        affected={} if gone else _affected(told, malicious=is_malicious(name)),
    )


def _affected(told: Mapping[str, Any], *, malicious: bool) -> dict[str, Affected]:
    parts: dict[str, list[Mapping[str, Any]]] = {}
    for part in _objects(told, "affected", dict):
        package = part.get("package")
        if not isinstance(package, dict) or package.get("ecosystem") != ECOSYSTEM:
            continue
        name = package.get("name")
        if isinstance(name, str) and is_name(name):
            parts.setdefault(normalise(name), []).append(part)
    found = {}
    for project, every in parts.items():
        try:
            affected = read_affected(every)
        except ValueError as error:
            raise Unreadable(f"{project}: {error}.") from error
        if affected is None and malicious and not any(part.get("ranges") for part in every):
            # Nothing is said of versions: then it is the project that does harm.
            affected = EVERYTHING
        if affected is not None:
            found[project] = affected
    return found


def _severity(told: Mapping[str, Any]) -> float | None:
    """The highest of the scores that it tells, for all or for one package; else that of its word."""
    parts = [told, *_objects(told, "affected", dict)]
    scores = [_score(one) for part in parts for one in _objects(part, "severity", dict)]
    known = [score for score in scores if score is not None]
    if known:
        return max(known)
    words = (part.get(key) for part in parts for key in ("database_specific", "ecosystem_specific"))
    said = [word.get("severity") for word in words if isinstance(word, dict)]
    rated = [_WORDS[word.lower()] for word in said if isinstance(word, str) and word.lower() in _WORDS]
    return max(rated, default=None)


def _score(told: Mapping[str, Any]) -> float | None:
    vector = told.get("score")
    if not isinstance(vector, str) or len(vector) > 500:
        return None
    # Only who imports advisories pays for it.
    from cvss import CVSS2, CVSS3, CVSS4  # noqa: PLC0415
    from cvss.exceptions import CVSSError  # noqa: PLC0415

    kinds = {"CVSS_V2": CVSS2, "CVSS_V3": CVSS3, "CVSS_V4": CVSS4}
    kind = kinds.get(str(told.get("type")))
    if kind is None:
        return None
    try:
        return float(kind(vector).base_score)
    except CVSSError:
        return None


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    return value if isinstance(value, str) else ""


def _objects(told: Mapping[str, Any], key: str, kind: type) -> Iterable[Any]:
    value = told.get(key)
    return [one for one in value if isinstance(one, kind)] if isinstance(value, list) else []
