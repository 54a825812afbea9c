"""Names that nobody here has ever used wait for somebody to look at them: most typos end here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from .plain import Plain
from .records import FOR_GOOD, Case, Subject


@dataclass(frozen=True, slots=True)
class FirstSeen(Plain):
    """Hides all files of a project of which nobody here has ever had one, until it is approved."""

    name: ClassVar[str] = "first-seen"
    slug: ClassVar[str] = "first-seen"

    def about(self, case: Case) -> Sequence[Self]:
        """Projects that nobody has used; an approval is a pass for this rule."""
        return () if case.used else (self,)

    def until(self, subject: Subject, now: float) -> float:  # noqa: ARG002
        """Until somebody approves it."""
        return FOR_GOOD

    def reason(self, case: Case, subject: Subject) -> tuple[str, str]:
        """What has to be done."""
        waits = f"{subject.filename} waits until an owner approves the name"
        return self.slug, f"Nobody here has ever used {case.project}; {waits}."
