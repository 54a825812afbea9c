"""What all checks of archives share: limits, remarks, where the rules are written, how a value is quoted."""

from __future__ import annotations

from dataclasses import dataclass

_SPECIFICATIONS = "https://packaging.python.org/en/latest/specifications/"

WHEELS = _SPECIFICATIONS + "binary-distribution-format/"
SDISTS = _SPECIFICATIONS + "source-distribution-format/"
METADATA = _SPECIFICATIONS + "core-metadata/"
RECORD = _SPECIFICATIONS + "recording-installed-packages/#the-record-file"
ENTRY_POINTS = _SPECIFICATIONS + "entry-points/"
NAMES = _SPECIFICATIONS + "name-normalization/"
VERSIONS = _SPECIFICATIONS + "version-specifiers/"
ARCHIVES = SDISTS + "#source-distribution-archive-features"

CHUNK = 2**16
"""Bytes that are read at a time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may come out of an archive, whatever its headers say.

    ``metadata``: bytes of one file that is read whole (METADATA, PKG-INFO, WHEEL, entry_points.txt).
    ``listing``: bytes of all member names, and half of those of RECORD. ``members``: how many. ``least`` and
    ``ratio``: all of it together may have ``least`` bytes, or ``ratio`` times those of the archive if that is
    more.
    """

    metadata: int = 2**20
    listing: int = 2**24
    members: int = 100_000
    least: int = 2**26
    ratio: int = 50

    def unpacked(self, packed: int) -> int:
        """Bytes that may come out of an archive of ``packed`` bytes."""
        return max(self.least, self.ratio * packed)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something odd that does not stop an upload; shown to whoever uploads and kept with the file."""

    slug: str
    sentence: str


def quoted(value: object, longest: int = 120) -> str:
    """Show a value of somebody else's in a sentence: on one line, printable, and not endless."""
    text = str(value)
    return repr(text if len(text) <= longest else text[: longest - 3] + "...")


def some(values: list[str], count: int) -> str:
    """Show the first few of ``count`` values."""
    more = f" and {count - len(values)} more" if count > len(values) else ""
    return ", ".join(quoted(value) for value in values) + more
