"""What rules have in common that are on or off, and have nothing else to be set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from .records import Mode


@dataclass(frozen=True, slots=True)
class Plain:
    """A rule that has a mode only."""

    lifted_by_allow: ClassVar[bool] = True

    mode: Mode = "enforced"

    @classmethod
    def read(cls, told: Mapping[str, object], mode: Mode) -> Self:  # noqa: ARG003 -- there is nothing in it.
        """Make it of ``{}``."""
        return cls(mode)

    def told(self) -> dict[str, object]:
        """Itself as JSON."""
        return {}
