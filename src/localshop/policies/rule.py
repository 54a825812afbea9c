"""What every rule has: a name, a mode, and the answer until when it hides a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, Self

from .records import Case, Mode, Subject


class Rule(Protocol):
    """One rule of a repository. It is a value: made from JSON, compared, and written as JSON again.

    Of a rule that concerns a project the judge keeps what ``about`` gives, which may be narrowed to that
    project; ``until`` is asked for each file, so it has to be quick.
    """

    @property
    def name(self) -> str:
        """What commands, forms and JSON call it."""

    @property
    def mode(self) -> Mode:
        """Whether it hides, or is only watched."""

    @property
    def lifted_by_allow(self) -> bool:
        """Whether an entry of the allow list is an exception to it."""

    @classmethod
    def read(cls, told: Mapping[str, object], mode: Mode) -> Self:
        """Make it of JSON, without the mode; raises ``BadInput``."""

    def told(self) -> dict[str, object]:
        """Itself as JSON, without the mode."""

    def about(self, case: Case) -> Sequence[Self]:
        """Itself as far as it concerns a project: narrowed, in parts, or not at all."""

    def until(self, subject: Subject, now: float) -> float:
        """Until when it hides the file; ``SHOWN``: it does not, ``FOR_GOOD``: no end is known."""

    def reason(self, case: Case, subject: Subject) -> tuple[str, str]:
        """The slug and the sentence for a file that it hides."""
