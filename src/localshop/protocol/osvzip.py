"""OSV's zip of all advisories of an ecosystem: its records one after the other, with limits. Pure."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from .osv import LARGEST

MOST_RECORDS = 300_000
LARGEST_ZIP = 512 << 20
"""Bytes. The real one has some 25 MB."""
_LARGEST_DIRECTORY = 32 << 20
_LARGEST_TOTAL = 4 << 30
_END = b"PK\5\6"
_END_LENGTH = 22
_END64 = b"PK\6\6"
_END64_LENGTH = 56
_LOCATOR_LENGTH = 20
_LONGEST_COMMENT = 0xFFFF
_FULL = 0xFFFFFFFF


class BadZip(ValueError):
    """A file that is no zip of advisories, or a larger one than anybody would make."""


def records(file: BinaryIO) -> Iterator[bytes | None]:
    """Give the records one by one, None for one that cannot be unpacked; raises ``BadZip``.

    What its headers say of sizes is not believed: no more is unpacked than a record may have.
    """
    _check_directory(file)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BadZip(f"It is no zip file: {error}.") from error
    with archive:
        members = [one for one in archive.infolist() if one.filename.endswith(".json")]
        if len(members) > MOST_RECORDS:
            raise BadZip(f"It has more than {MOST_RECORDS:,} records.")
        total = 0
        for member in members:
            body = _unpacked(archive, member)
            total += len(body or b"")
            if total > _LARGEST_TOTAL:
                raise BadZip(f"Its records have more than {_LARGEST_TOTAL:,} bytes.")
            yield body


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | None:
    try:
        with archive.open(member) as stream:
            body = stream.read(LARGEST + 1)
    # As many kinds of damage as there are ways to pack.
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, RuntimeError, MemoryError):
        return None
    return body if len(body) <= LARGEST else None


def _check_directory(file: BinaryIO) -> None:
    """Look at the size of the list of members before it is read, because all of it is kept in memory."""
    size = file.seek(0, 2)
    if size > LARGEST_ZIP:
        raise BadZip(f"It has more than {LARGEST_ZIP:,} bytes.")
    file.seek(max(0, size - _END_LENGTH - _LONGEST_COMMENT))
    tail = file.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_LENGTH:
        raise BadZip("It is no zip file: the list of its members is missing.")
    length: int = struct.unpack_from("<L", tail, place + 12)[0]
    if length == _FULL:
        length = _length64(file, size - len(tail) + place)
    if length > _LARGEST_DIRECTORY:
        raise BadZip("The list of its members is larger than that of any real one.")
    file.seek(0)


def _length64(file: BinaryIO, end: int) -> int:
    """The length of the list where it stands in the record of 64-bit sizes, right before its locator."""
    file.seek(max(0, end - _LOCATOR_LENGTH - _END64_LENGTH))
    record = file.read(_END64_LENGTH)
    if len(record) < _END64_LENGTH or not record.startswith(_END64):
        raise BadZip("It is no zip file: its record of 64-bit sizes is missing.")
    length: int = struct.unpack_from("<Q", record, 40)[0]
    return length
