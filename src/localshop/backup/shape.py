"""What a backup is made of: a directory, or a tar file, with these names in it.

* ``files/aa/bb/<sha256>``: the stored files, once however many snapshots have them
* ``snapshots/<time>.tables.gz``: all tables as they were at that time, see ``catalog.dump``
* ``snapshots/<time>.json``: what was taken; written last, so a snapshot without it is none
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

FORMAT = 1
_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z(?:-[0-9]+)?\Z")
_FILE = re.compile(r"files/([0-9a-f]{2})/([0-9a-f]{2})/(\1\2[0-9a-f]{60})\Z")


@dataclass(slots=True)
class Manifest:
    """What stands in a snapshot's ``.json``; ``missing`` and ``damaged``: SHA-256 of files that it lacks."""

    snapshot: str
    version: str
    migration: str
    database: str
    tables_sha256: str
    files: int
    size: int
    """Bytes of all its files."""
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    format: int = FORMAT


def name_at(moment: datetime, taken: set[str]) -> str:
    """The name of a snapshot that is taken now."""
    name = f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    number = 1
    while (found := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return found


def is_name(text: str) -> bool:
    """Whether this can be a snapshot's name; anything else might lead elsewhere."""
    return _NAME.match(text) is not None


def tables_of(snapshot: str) -> str:
    """Where the tables of a snapshot are."""
    return f"snapshots/{snapshot}.tables.gz"


def manifest_of(snapshot: str) -> str:
    """Where what a snapshot is made of is told."""
    return f"snapshots/{snapshot}.json"


def file_of(sha256: str) -> str:
    """Where a stored file is."""
    return f"files/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def digest_in(place: str) -> str | None:
    """The SHA-256 of the stored file that is there, if that is one's place."""
    found = _FILE.match(place)
    return found[3] if found else None
