"""The frame of a ZIP archive: its members, once it is certain that every reader sees the same ones.

Some installers read the central directory at the end, others the local headers from the start, as they come.
An archive in which the two differ shows one content to a scanner and another to an installer, so both are
walked here and have to agree, and there may be nothing before, between and behind the members. The rules are
those that PyPI's own uploads follow; only data descriptors are let through, as long as they are unambiguous.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from localshop.errors import UploadRefused
from localshop.protocol.archives import paths, zipformat
from localshop.protocol.archives.rules import WHEELS, Limits, quoted
from localshop.protocol.archives.zipformat import DEFLATED, FULL16, FULL32, STORED

_FLAGS_THAT_MATTER = zipformat.ENCRYPTED | zipformat.STREAMED | zipformat.UTF8
_DESCRIPTOR = b"PK\7\x08"


@dataclass(frozen=True, slots=True)
class Member:
    """A file or directory (``name`` ends with a slash) whose bytes begin at ``start``, of either size."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    start: int
    streamed: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class _Directory:
    start: int
    stop: int
    count: int


def members(file: BinaryIO, *, limits: Limits) -> tuple[Member, ...]:
    """Give all members in the order of their bytes; raises UploadRefused where two readings are possible."""
    size = file.seek(0, 2)
    directory = _directory(file, size)
    if directory.count > limits.members or directory.stop - directory.start > limits.listing:
        raise UploadRefused("archive-many-members", f"The archive has {directory.count} members; too many.")
    entries = sorted(_entries(file, directory), key=lambda entry: entry.offset)
    _check_together(entries, directory, limit=limits.unpacked(size))
    offsets = [*(entry.offset for entry in entries), directory.start]
    if offsets[0] != 0:
        raise _hidden(f"The archive's first member begins at byte {offsets[0]}, with something before it.")
    return tuple(
        _member(file, entry, following)
        for entry, (_, following) in zip(entries, pairwise(offsets), strict=True)
    )


def _directory(file: BinaryIO, size: int) -> _Directory:
    """Find the central directory: the last end record there is has to be the end of the file."""
    tail_from = max(0, size - FULL16 - zipformat.END.size)
    file.seek(tail_from)
    tail = file.read()
    found = tail.rfind(b"PK\5\6")
    if found < 0 or len(tail) < found + zipformat.END.size:
        raise _unreadable("it is cut, or is no ZIP archive at all")
    _, disk, its_disk, here, count, length, offset, comment = zipformat.END.unpack_from(tail, found)
    at = tail_from + found
    if at + zipformat.END.size + comment != size:
        raise UploadRefused(
            "zip-trailing-data", f"Behind the archive, which ends at byte {at}, is more data.", link=WHEELS
        )
    if disk or its_disk or here != count:
        raise _unreadable("it says that it is one of several volumes")
    stop, (count, length, offset) = _wide_end(file, at, (count, length, offset))
    if offset + length > stop:
        raise _unreadable(f"its central directory should be {length} bytes at {offset}, which is not there")
    if offset + length < stop:
        raise _hidden("There is data before the archive or behind its central directory.")
    return _Directory(start=offset, stop=stop, count=count)


def _wide_end(file: BinaryIO, at: int, known: tuple[int, int, int]) -> tuple[int, tuple[int, int, int]]:
    """Read the zip64 end records that stand right before the end record, if they do."""
    both = zipformat.WIDE_END.size + zipformat.LOCATOR.size
    file.seek(max(0, at - both))
    data = file.read(min(at, both))
    if data[-zipformat.LOCATOR.size :][:4] != b"PK\6\7":
        return at, known
    if len(data) < both or data[:4] != b"PK\6\6":
        raise UploadRefused("zip-wide", "The archive's zip64 end record is not where it should be.")
    _, length, _, _, disk, its_disk, here, *wide = zipformat.WIDE_END.unpack_from(data)
    _, its_volume, offset, volumes = zipformat.LOCATOR.unpack_from(data, zipformat.WIDE_END.size)
    count, size, start = wide
    if length != zipformat.WIDE_END.size - 12 or offset != at - both or here != count:
        raise UploadRefused("zip-wide", "The archive's zip64 end records contradict each other.")
    if disk or its_disk or its_volume or volumes > 1:
        raise _unreadable("it says that it is one of several volumes")
    # Two directories, one for old and one for new readers, would be two archives in one.
    if any(
        old not in {new, full} for old, new, full in zip(known, wide, (FULL16, FULL32, FULL32), strict=True)
    ):
        raise UploadRefused("zip-wide", "The archive's zip64 end record contradicts its older one.")
    return at - both, (count, size, start)


def _entries(file: BinaryIO, directory: _Directory) -> Iterator[_Entry]:
    """Walk the central directory, which has to be as long as announced and of as many entries."""
    file.seek(directory.start)
    at = directory.start
    for _ in range(directory.count):
        head = file.read(zipformat.ENTRY.size)
        if len(head) < zipformat.ENTRY.size or head[:4] != b"PK\1\2":
            raise _unreadable("its central directory has fewer members than announced")
        fields = zipformat.ENTRY.unpack(head)
        flags, method, crc, packed, size = fields[3], fields[4], *fields[7:10]
        name_length, extra_length, comment_length = fields[10:13]
        at += len(head) + name_length + extra_length + comment_length
        if at > directory.stop:
            raise _unreadable("its central directory is cut")
        name = _name(file.read(name_length), flags)
        extra = zipformat.extras(file.read(extra_length), name)
        if comment_length:
            raise UploadRefused("zip-comment", f"Member {quoted(name)} has a comment, where data can hide.")
        paths.check_mode(name, fields[15] >> 16)
        size, packed, offset = zipformat.widened((size, packed, fields[16]), extra, name, local=False)
        yield _Entry(name, flags, method, crc, packed, size, offset)
    if at != directory.stop:
        raise _hidden("The archive's central directory is longer than its members need.")


def _name(raw: bytes, flags: int) -> str:
    """Decode a member's name; without the flag for UTF-8, what is not ASCII depends on who reads it."""
    try:
        name = raw.decode("utf-8" if flags & zipformat.UTF8 else "ascii")
    except UnicodeDecodeError as error:
        shown = quoted(raw.decode("utf-8", "backslashreplace"))
        raise UploadRefused("member-name", f"The name of member {shown} is not said to be UTF-8.") from error
    paths.check(name.removesuffix("/"))
    return name


def _check_together(entries: list[_Entry], directory: _Directory, *, limit: int) -> None:
    """Refuse what no single entry shows: the same name twice, too much in all, offsets behind the members."""
    total = sum(entry.size for entry in entries)
    if total > limit:
        raise UploadRefused("archive-too-large", f"{total} bytes would come out of the archive; too many.")
    seen = set()
    for entry in entries:
        plain = entry.name.removesuffix("/")
        if plain in seen:
            raise UploadRefused("zip-duplicate", f"The archive has two members {quoted(plain)}.", link=WHEELS)
        seen.add(plain)
        if entry.flags & zipformat.ENCRYPTED:
            raise UploadRefused("zip-encrypted", f"Member {quoted(entry.name)} is encrypted.")
        if entry.method not in {STORED, DEFLATED}:
            raise UploadRefused(
                "zip-method",
                f"Member {quoted(entry.name)} is packed by method {entry.method}; only stored (0) and "
                "deflated (8) are understood everywhere.",
                link=WHEELS,
            )
        if entry.name.endswith("/") and entry.size:
            raise UploadRefused("member-special", f"{quoted(entry.name)} is a directory and yet has content.")
        if entry.offset + zipformat.LOCAL.size + entry.packed > directory.start:
            raise _unreadable(f"its member {quoted(entry.name)} lies outside of it")


def _member(file: BinaryIO, entry: _Entry, following: int) -> Member:
    """Compare a member's local header with its entry, and see that the next one follows upon its data."""
    raw = entry.name.encode()
    file.seek(entry.offset)
    head = file.read(zipformat.LOCAL.size)
    if len(head) < zipformat.LOCAL.size:
        raise _unreadable(f"its member {quoted(entry.name)} is cut")
    signature, _, flags, method, _, _, crc, packed, size, name_length, extra_length = zipformat.LOCAL.unpack(
        head
    )
    named = file.read(name_length)
    extra = zipformat.extras(file.read(extra_length), entry.name)
    size, packed = zipformat.widened((size, packed), extra, entry.name, local=True)
    streamed = bool(entry.flags & zipformat.STREAMED)
    wanted = (entry.crc, entry.packed, entry.size)
    same = (
        signature == b"PK\3\4"
        and named == raw
        and method == entry.method
        and not (flags ^ entry.flags) & _FLAGS_THAT_MATTER
        and all(
            one == other or (streamed and one in {0, FULL32})
            for one, other in zip((crc, packed, size), wanted, strict=True)
        )
    )
    if not same:
        raise _disagreement(entry)
    start = entry.offset + zipformat.LOCAL.size + name_length + extra_length
    stop = start + entry.packed
    if streamed and stop <= following:
        _check_descriptor(file, entry, stop=stop, following=following)
    elif stop != following:
        raise _hidden(f"Member {quoted(entry.name)} does not end where the next one begins.")
    return Member(entry.name, method, entry.crc, entry.packed, entry.size, start, streamed)


def _check_descriptor(file: BinaryIO, entry: _Entry, *, stop: int, following: int) -> None:
    """See that a data descriptor, and nothing else, stands behind a member's data (APPNOTE 4.3.9)."""
    file.seek(stop)
    found = file.read(min(following - stop, 32))
    narrow = struct.pack("<3L", entry.crc, entry.packed & FULL32, entry.size & FULL32)
    wide = struct.pack("<L2Q", entry.crc, entry.packed, entry.size)
    fits = [wide] if max(entry.packed, entry.size) >= FULL32 else [narrow, wide]
    if found not in [prefix + form for prefix in (_DESCRIPTOR, b"") for form in fits]:
        raise _disagreement(entry)


def _disagreement(entry: _Entry) -> UploadRefused:
    return UploadRefused(
        "zip-headers",
        f"The header of member {quoted(entry.name)} says something else than the central directory.",
        link=WHEELS,
    )


def _hidden(sentence: str) -> UploadRefused:
    return UploadRefused("zip-hidden-data", sentence, link=WHEELS)


def _unreadable(why: str) -> UploadRefused:
    return UploadRefused("zip-unreadable", f"The archive cannot be read: {why}.", link=WHEELS)
