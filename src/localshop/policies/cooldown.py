"""The cooldown: releases wait some days, in which most of the bad ones are found out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from .reading import days, written
from .records import FOR_GOOD, SHOWN, Case, Mode, Subject

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Cooldown:
    """Hides files that are younger than so many days, by the clock of their upstream.

    Where it gives no time, or one that is later than when we first saw the file, it counts from when we
    first saw it. A time that is still to come counts as now: the file stays hidden.
    """

    name: ClassVar[str] = "cooldown"
    lifted_by_allow: ClassVar[bool] = True
    slug: ClassVar[str] = "cooldown"

    days: int
    mode: Mode = "enforced"

    @classmethod
    def read(cls, told: Mapping[str, object], mode: Mode) -> Self:
        """Make it of ``{"days": 7}``."""
        return cls(days(told, "days"), mode)

    def told(self) -> dict[str, object]:
        """Itself as JSON."""
        return {"days": self.days}

    def about(self, case: Case) -> Sequence[Self]:
        """Private projects are exempt."""
        return () if case.private else (self,)

    def until(self, subject: Subject, now: float) -> float:
        """The end of its days."""
        # Of nearly all files the time of the upload is known, and nothing else.
        began = subject.uploaded if subject.seen is None else arrived(subject)
        if began is None:
            return FOR_GOOD
        ends = began + self.days * _DAY
        return ends if now < ends else SHOWN

    def reason(self, case: Case, subject: Subject) -> tuple[str, str]:
        """When it came, and until when it waits."""
        began = arrived(subject)
        if began is None:
            return self.slug, f"Nobody knows when {subject.filename} came, so it waits."
        which = "was uploaded" if began == subject.uploaded else "was first seen here"
        release, ends = f"{case.project} {subject.version}", written(began + self.days * _DAY)
        return self.slug, (
            f"{release} waits until {ends}, for {self.days} days: "
            f"{subject.filename} {which} {written(began)}."
        )


def arrived(subject: Subject) -> float | None:
    """When a file came, as far as it can be believed: never later than when we first saw it."""
    if subject.uploaded is None:
        return subject.seen
    if subject.seen is not None and subject.seen < subject.uploaded:
        return subject.seen
    return subject.uploaded
