"""Whether two file names mean the same file: clients would take one or the other, as it happens. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

Meaning = tuple[object, ...]


def twin_of(filename: str, others: Iterable[str]) -> str | None:
    """The one of ``others`` that says the same as ``filename`` in other letters.

    Names and versions are compared as PEP 503 and PEP 440 do; of one version there is one sdist,
    whatever its format (PEP 527).
    """
    meaning = _meaning(filename)
    if meaning is None:
        return None
    return next((other for other in others if other != filename and _meaning(other) == meaning), None)


def _meaning(filename: str) -> Meaning | None:
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)
        return ("sdist", *parse_sdist_filename(filename))
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
