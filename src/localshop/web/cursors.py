"""Long lists, page by page: each page begins after the last line of the one before.

Unlike numbered pages this takes as long for the thousandth page as for the first, and a line that comes
meanwhile pushes nothing from one page to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

Place = tuple[datetime, int]
"""The time and the id of a line."""
Line = TypeVar("Line")


@dataclass(frozen=True, slots=True)
class Piece(Generic[Line]):
    """One page; ``older`` is what leads to the next one, empty: it is the last. ``first``: the newest."""

    lines: Sequence[Line]
    older: str
    first: bool


def piece(
    asked: str,
    find: Callable[[int, Place | None], Sequence[Line]],
    place: Callable[[Line], Place],
    *,
    most: int,
) -> Piece[Line]:
    """The page that ``asked`` leads to; ``find`` gives so many lines after a place."""
    before = read(asked)
    found = find(most + 1, before)
    older = write(place(found[most - 1])) if len(found) > most else ""
    return Piece(found[:most], older, before is None)


def read(asked: str) -> Place | None:
    """The place that a URL names; what makes no sense is the beginning."""
    micros, _, number = asked.partition("-")
    if not (micros.isdecimal() and number.isdecimal() and len(asked) < 40):
        return None
    try:
        return datetime.fromtimestamp(int(micros) // 10**6, tz=UTC).replace(
            microsecond=int(micros) % 10**6
        ), int(number)
    except (ValueError, OverflowError, OSError):
        return None


def write(place: Place) -> str:
    """A place as it stands in a URL."""
    at, number = place
    return f"{int(at.replace(microsecond=0).timestamp()) * 10**6 + at.microsecond}-{number}"
