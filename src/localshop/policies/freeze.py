"""The freeze: nothing that came after a date, so that what is installed today is what was then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from .cooldown import arrived
from .reading import moment, written
from .records import FOR_GOOD, SHOWN, Case, Mode, Subject


@dataclass(frozen=True, slots=True)
class Freeze:
    """Hides what came to its upstream at this time or later, and what nobody knows the time of."""

    name: ClassVar[str] = "freeze"
    lifted_by_allow: ClassVar[bool] = True
    slug: ClassVar[str] = "frozen"

    date: float
    mode: Mode = "enforced"

    @classmethod
    def read(cls, told: Mapping[str, object], mode: Mode) -> Self:
        """Make it of ``{"date": "2026-11-21"}``, the last day, or of a date with a time."""
        return cls(moment(told.get("date")), mode)

    def told(self) -> dict[str, object]:
        """Itself as JSON."""
        return {"date": written(self.date)}

    def about(self, case: Case) -> Sequence[Self]:
        """Private projects are exempt."""
        return () if case.private else (self,)

    def until(self, subject: Subject, now: float) -> float:  # noqa: ARG002 -- all rules are asked alike.
        """For good, or not at all."""
        came = subject.uploaded if subject.seen is None else arrived(subject)
        return FOR_GOOD if came is None or came >= self.date else SHOWN

    def reason(self, case: Case, subject: Subject) -> tuple[str, str]:
        """When it came, and what is the last moment here."""
        came = arrived(subject)
        when = f"came {written(came)}" if came is not None else "came nobody knows when"
        frozen = f"nothing is shown here that came at {written(self.date)} or later"
        return self.slug, f"{case.project} {subject.version}: {subject.filename} {when}, and {frozen}."
