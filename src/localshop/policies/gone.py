"""What its upstream has deleted stays here, unless this rule hides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from .plain import Plain
from .reading import written
from .records import FOR_GOOD, SHOWN, Case, Subject


@dataclass(frozen=True, slots=True)
class Gone(Plain):
    """Hides stored files that their upstream has no more."""

    name: ClassVar[str] = "gone"
    slug: ClassVar[str] = "gone-upstream"

    def about(self, case: Case) -> Sequence[Self]:
        """Private projects have no upstream."""
        return () if case.private else (self,)

    def until(self, subject: Subject, now: float) -> float:  # noqa: ARG002
        """As long as its upstream has it not."""
        return FOR_GOOD if subject.gone is not None else SHOWN

    def reason(self, case: Case, subject: Subject) -> tuple[str, str]:
        """Since when."""
        since = f" since {written(subject.gone)}" if subject.gone is not None else ""
        return self.slug, f"{subject.filename} of {case.project} is gone upstream{since}."
