"""RECORD of a wheel: the digest of each member, as the wheel itself tells it."""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from installer.records import InvalidRecordEntry, RecordEntry, parse_record_file

from localshop.errors import UploadRefused
from localshop.protocol.archives import paths
from localshop.protocol.archives.rules import RECORD, quoted

LONGEST_LINE = 2**16

# The specification: sha256 or better, and never md5 or sha1.
_ALGORITHMS = frozenset(
    {"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s"}
)


@dataclass(frozen=True, slots=True)
class Listed:
    """What RECORD says of a member; ``digest`` in URL-safe base64 without padding, "" if there is none."""

    algorithm: str
    digest: str
    size: int | None


class Measure:
    """Measures a member while it passes by, to be compared with what RECORD says of it."""

    def __init__(self, listed: Listed) -> None:
        self._listed = listed
        self._hash = hashlib.new(listed.algorithm) if listed.algorithm in _ALGORITHMS else None
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._hash is not None:
            self._hash.update(piece)

    def fault(self) -> str:
        """Say what is wrong, "" for nothing."""
        if self._hash is None:
            return f"no digest that counts ({self._listed.algorithm or 'none'})"
        digest = base64.urlsafe_b64encode(self._hash.digest()).rstrip(b"=").decode()
        if digest != self._listed.digest.rstrip("="):
            return f"another {self._listed.algorithm}"
        if self._listed.size not in {None, self._size}:
            return f"another size ({self._listed.size} instead of {self._size})"
        return ""


def lines(pieces: Iterable[bytes], *, what: str) -> Iterator[str]:
    """Cut a text that comes in pieces into lines, so that it is never in memory as a whole.

    Empty lines are left out.
    """
    held = b""
    for piece in pieces:
        *whole, held = (held + piece).split(b"\n")
        if len(held) > LONGEST_LINE:
            raise _unreadable(what, "a line is too long")
        yield from (_text(line, what) for line in whole if line.strip())
    if held:
        yield _text(held, what)


def entries(rows: Iterable[str], *, what: str) -> Iterator[tuple[str, Listed]]:
    """Give each path in RECORD with what is said of it; raises UploadRefused.

    A path that leads out of the directory where a wheel is unpacked would have an uninstaller delete, and an
    auditor read, files that are not the wheel's.
    """
    try:
        for row in parse_record_file(rows):
            entry = RecordEntry.from_elements(*row)
            if not paths.leads_inside(entry.path.removesuffix("/")) or len(entry.path) > paths.LONGEST:
                raise UploadRefused(
                    "record-path", f"{what} lists {quoted(entry.path)}, outside of the wheel.", link=RECORD
                )
            hashed = entry.hash_
            listed = Listed(hashed.name, hashed.value, entry.size) if hashed else Listed("", "", entry.size)
            yield entry.path, listed
    except (InvalidRecordEntry, csv.Error) as error:
        raise _unreadable(what, quoted(error)) from error


def _text(line: bytes, what: str) -> str:
    try:
        return line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(what, "it is not UTF-8") from error


def _unreadable(what: str, why: str) -> UploadRefused:
    return UploadRefused("record-unreadable", f"{what} cannot be read: {why}.", link=RECORD)
