"""Kinds of files that are not wanted: no sdists, since installing one runs what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from localshop.errors import BadInput

from .reading import texts
from .records import FOR_GOOD, SHOWN, Case, Mode, Subject

FILE_KINDS = ("sdist", "wheel")


@dataclass(frozen=True, slots=True)
class Kinds:
    """Hides all files of these kinds."""

    name: ClassVar[str] = "kinds"
    lifted_by_allow: ClassVar[bool] = True
    slug: ClassVar[str] = "kind"

    hide: tuple[str, ...]
    mode: Mode = "enforced"

    @classmethod
    def read(cls, told: Mapping[str, object], mode: Mode) -> Self:
        """Make it of ``{"hide": ["sdist"]}``."""
        kinds = tuple(dict.fromkeys(texts(told, "hide")))
        wrong = [kind for kind in kinds if kind not in FILE_KINDS]
        if wrong or not kinds:
            raise BadInput(
                f"Kinds of files are {' and '.join(FILE_KINDS)}, not {wrong[0] if wrong else ''!r}."
            )
        return cls(kinds, mode)

    def told(self) -> dict[str, object]:
        """Itself as JSON."""
        return {"hide": list(self.hide)}

    def about(self, case: Case) -> Sequence[Self]:
        """Private projects are exempt: what is in them is known."""
        return () if case.private else (self,)

    def until(self, subject: Subject, now: float) -> float:  # noqa: ARG002
        """For good, or not at all."""
        return FOR_GOOD if subject.kind in self.hide else SHOWN

    def reason(self, case: Case, subject: Subject) -> tuple[str, str]:
        """Which kind it is."""
        return self.slug, f"{subject.filename} of {case.project} is a file of the kind {subject.kind}."
