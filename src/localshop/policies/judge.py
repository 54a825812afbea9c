"""The judge: whether a file is shown, or hidden, and then why and until when."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subject:
    """A file, as far as rules look at it.

    ``status`` and ``status_reason`` are its project's (PEP 792).
    """

    project: str
    filename: str
    status: str = "active"
    status_reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a file is hidden; ``until``: seconds since the epoch, None: for as long as it is so."""

    slug: str
    sentence: str
    until: float | None = None


def judge(subject: Subject) -> Verdict | None:
    """The verdict on a file; None: it is shown."""
    if subject.status == "quarantined":
        # PEP 792: "The index MUST NOT offer any distributions for a quarantined project."
        reason = f": {subject.status_reason}" if subject.status_reason else "."
        return Verdict("quarantined", f"{subject.project} is quarantined{reason}")
    return None
