"""What was withdrawn (PEP 592) is not only marked, but hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from .plain import Plain
from .records import FOR_GOOD, SHOWN, Case, Subject


@dataclass(frozen=True, slots=True)
class Yanked(Plain):
    """Hides yanked files, also from who names their version exactly, and also of private projects."""

    name: ClassVar[str] = "yanked"
    slug: ClassVar[str] = "yanked"

    def about(self, case: Case) -> Sequence[Self]:  # noqa: ARG002
        """Every project."""
        return (self,)

    def until(self, subject: Subject, now: float) -> float:  # noqa: ARG002
        """As long as it is yanked."""
        return FOR_GOOD if subject.yanked else SHOWN

    def reason(self, case: Case, subject: Subject) -> tuple[str, str]:
        """Why it was withdrawn, if anybody said so."""
        why = f": {subject.yanked}" if isinstance(subject.yanked, str) else "."
        return self.slug, f"{case.project} {subject.version} was yanked{why}"
