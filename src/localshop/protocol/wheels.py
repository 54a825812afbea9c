"""METADATA out of a wheel, byte-exact, without having the whole wheel: the ranges needed, what is in them.

No input or output here: a generator asks for ranges and is sent their bytes. One range, the end of the
file, is enough for most small wheels, two for nearly all.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from localshop.errors import LocalshopError
from localshop.protocol import filenames, names
from localshop.protocol.filenames import FileName

Ranges = Generator[tuple[int, int], bytes, bytes]

LARGEST_METADATA = 8 * 2**20
LARGEST_DIRECTORY = 32 * 2**20

# Zip structures, as in PKWARE's APPNOTE 4.3: end of central directory, its zip64 locator and record, an
# entry of the central directory, and a member's local header.
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_EXTRA = struct.Struct("<2H")
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x1
_ZIP64 = 1

# Reaches back over the longest comment and both zip64 structures.
_TAIL = _FULL16 + _END.size + _LOCATOR.size + _END64.size
# A local header's extra field may be longer than the directory's, which is all that is known beforehand.
_SLACK = 256

_METADATA = re.compile(rb"([^/\\]+)\.dist-info/METADATA\Z")


class NotReadable(LocalshopError):
    """The METADATA cannot be read out of this file."""

    slug = "metadata-unreadable"


@dataclass(frozen=True, slots=True)
class _Member:
    name: bytes
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    extra: int


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where the central directory is. ``shift``: bytes before the archive, which all offsets leave out."""

    start: int
    stop: int
    shift: int


def metadata_ranges(filename: str, size: int) -> Ranges:
    """Read METADATA out of a wheel of ``size`` bytes.

    Yields half-open ranges ``(start, stop)``, is sent exactly their bytes, and returns the METADATA as it is
    in the wheel. Raises NotReadable when it is not there, or could be read in more than one way.
    """
    wheel = filenames.parse(filename)
    if wheel is None or wheel.kind != "wheel":
        raise NotReadable(f"{filename!r} is not the name of a wheel.")
    held_from = max(0, size - _TAIL)
    held = yield from _take(held_from, size, held_from=size, held=b"")
    directory = _directory(held, held_from)
    if directory.start < held_from:
        held = yield from _take(directory.start, size, held_from=held_from, held=held)
        held_from = directory.start
    member = _find(held[directory.start - held_from : directory.stop - held_from], wheel)
    start = directory.shift + member.offset
    header = _LOCAL.size + len(member.name)
    stop = min(start + header + member.extra + _SLACK + member.packed, directory.start)
    if start + header + member.packed > directory.start:
        raise NotReadable("The METADATA lies outside of the archive's members.")
    local = yield from _take(start, stop, held_from=held_from, held=held)
    data = start + header + _check_local(local, member)
    if data + member.packed > directory.start:
        raise NotReadable("The METADATA reaches into the archive's central directory.")
    if data + member.packed > stop:
        local += yield from _take(stop, data + member.packed, held_from=held_from, held=held)
    return _unpacked(local[data - start : data - start + member.packed], member)


def metadata_of(file: BinaryIO, filename: str) -> bytes:
    """Read METADATA out of an open local wheel; NotReadable as above."""
    ranges = metadata_ranges(filename, file.seek(0, 2))
    try:
        start, stop = next(ranges)
        while True:
            file.seek(start)
            start, stop = ranges.send(file.read(stop - start))
    except StopIteration as end:
        return bytes(end.value)


def _take(start: int, stop: int, *, held_from: int, held: bytes) -> Ranges:
    """Give the bytes of a range, asking for those that are not in the part that is held already."""
    missing = min(stop, held_from)
    fetched = b""
    if start < missing:
        fetched = yield start, missing
        if len(fetched) != missing - start:
            raise NotReadable(f"{missing - start} bytes were asked for, {len(fetched)} came.")
    return fetched + held[max(start - held_from, 0) : max(stop - held_from, 0)]


def _directory(tail: bytes, tail_from: int) -> _Directory:
    """Find the central directory from the end of the file, where the archive must end as well."""
    at = tail.rfind(b"PK\5\6")
    while at >= 0 and (
        len(tail) < at + _END.size or at + _END.size + _END.unpack_from(tail, at)[7] != len(tail)
    ):
        at = tail.rfind(b"PK\5\6", 0, at)
    if at < 0:
        raise NotReadable("The file is not a zip archive, or is cut.")
    length, offset = _END.unpack_from(tail, at)[5:7]
    stop = at
    if at >= _LOCATOR.size and tail.startswith(b"PK\6\7", at - _LOCATOR.size):
        stop = at - _LOCATOR.size - _END64.size
        if stop < 0 or not tail.startswith(b"PK\6\6", stop):
            raise NotReadable("The archive's zip64 record is not where it should be.")
        length64, offset64 = _END64.unpack_from(tail, stop)[8:10]
        # Two directories, one for old and one for new readers, are how two meanings get into one archive.
        if length not in (length64, _FULL32) or offset not in (offset64, _FULL32):
            raise NotReadable("The archive names two central directories.")
        length, offset = length64, offset64
    start = tail_from + stop - length
    if length > LARGEST_DIRECTORY or offset > start:
        raise NotReadable(f"The archive's central directory cannot be right ({length} bytes at {offset}).")
    return _Directory(start=start, stop=tail_from + stop, shift=start - offset)


def _find(directory: bytes, wheel: FileName) -> _Member:
    """Find the one METADATA, which must be in the wheel's own .dist-info directory (binary format spec)."""
    found = [member for member in _members(directory) if _METADATA.match(member.name)]
    if len(found) != 1:
        raise NotReadable(f"The wheel has {len(found)} METADATA files instead of one.")
    member = found[0]
    stem = member.name.partition(b".dist-info/")[0].decode("ascii", "replace")
    name, _, version = stem.rpartition("-")
    if names.normalise(name) != wheel.project or not _same_version(version, wheel.version):
        raise NotReadable(f"{wheel.filename!r} has the METADATA of {stem!r}.")
    if member.size > LARGEST_METADATA or member.packed > LARGEST_METADATA:
        raise NotReadable(f"The METADATA is too large ({member.size} bytes, packed {member.packed}).")
    return member


def _members(directory: bytes) -> Iterator[_Member]:
    """Give those members of the directory that can be METADATA."""
    at = 0
    while at < len(directory):
        if len(directory) < at + _ENTRY.size or not directory.startswith(b"PK\1\2", at):
            raise NotReadable("The archive's central directory is broken.")
        fields = _ENTRY.unpack_from(directory, at)
        flags, method, crc, packed, size = fields[3], fields[4], *fields[7:10]
        name_length, extra_length, comment_length = fields[10:13]
        name_at = at + _ENTRY.size
        extra_at = name_at + name_length
        at = extra_at + extra_length + comment_length
        if at > len(directory):
            raise NotReadable("The archive's central directory is cut.")
        name = directory[name_at:extra_at]
        if not name.endswith(b"/METADATA"):
            continue
        if flags & _ENCRYPTED or method not in (_STORED, _DEFLATED):
            raise NotReadable(f"The METADATA is encrypted or packed in an unusual way (method {method}).")
        extra = directory[extra_at : extra_at + extra_length]
        size, packed, offset = _zip64(extra, (size, packed, fields[16]))
        yield _Member(name, method, crc, packed, size, offset, extra_length)


def _zip64(extra: bytes, values: tuple[int, int, int]) -> tuple[int, int, int]:
    """Replace those of size, packed size and offset that are too large for 32 bits (APPNOTE 4.5.3)."""
    if _FULL32 not in values:
        return values
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == _ZIP64:
            wide = struct.iter_unpack("<Q", extra[at : at + min(length, 24) // 8 * 8])
            size, packed, offset = (
                value if value != _FULL32 else next(wide, (_FULL32,))[0] for value in values
            )
            return size, packed, offset
        at += length
    return values


def _check_local(local: bytes, member: _Member) -> int:
    """Check that the local header is that of the same member; gives the length of its extra field."""
    fields = _LOCAL.unpack_from(local)
    name_length, extra_length = fields[9:11]
    name = local[_LOCAL.size : _LOCAL.size + name_length]
    if fields[0] != b"PK\3\4" or name != member.name or fields[3] != member.method:
        raise NotReadable("The METADATA's own header disagrees with the archive's central directory.")
    return int(extra_length)


def _unpacked(data: bytes, member: _Member) -> bytes:
    if member.method == _DEFLATED:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            # One byte over what was announced is enough to tell a bomb, whatever the headers say.
            data = inflater.decompress(data, member.size + 1)
        except zlib.error as error:
            raise NotReadable(f"The METADATA cannot be unpacked: {error}.") from error
    if len(data) != member.size or zlib.crc32(data) != member.crc:
        raise NotReadable("The METADATA's bytes do not fit the length and checksum that the archive gives.")
    return data


def _same_version(one: str, other: str) -> bool:
    """Compare by PEP 440, or as spelled once everything but letters, digits and dots is made a "_"."""
    first, second = filenames.version_or_none(one), filenames.version_or_none(other)
    if first is not None and second is not None:
        return first == second
    return _escaped(one) == _escaped(other)


def _escaped(version: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "_", version.lower())
