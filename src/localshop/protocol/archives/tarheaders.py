"""Headers of a tar archive: what a member is called and how long it is, when there is one answer to that.

Headers come in three dialects that can be mixed: POSIX (pax records before a member), GNU (members that hold
a long name) and the old ones. Where a file gives a member's length or name twice and differently, unpackers
have disagreed on where the next member begins, and so on what is in the archive.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from typing import Literal

from localshop.errors import UploadRefused
from localshop.protocol.archives import paths
from localshop.protocol.archives.gzips import Unzipped
from localshop.protocol.archives.rules import ARCHIVES, Limits, quoted

BLOCK = tarfile.BLOCKSIZE
LONGEST_HEADER = 2**16
# So that endless empty headers, which take time as well, come to an end.
_COST = 64

Kind = Literal["file", "directory", "symlink", "hardlink"]

_KINDS: dict[bytes, Kind] = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
}
_FIELDS = {"path", "linkpath", "size"}


@dataclass(frozen=True, slots=True)
class TarMember:
    """A member without its content. ``target``: where a link leads, as written."""

    name: str
    kind: Kind
    size: int
    target: str


class Headers:
    """Reads one member's headers after the other from a stream that stands where they begin.

    Headers that only say something of other members count against the limits, too.
    """

    def __init__(self, stream: Unzipped, *, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._count = 0
        self._length = 0

    def next(self) -> TarMember | None:
        """Give the next member; None at the end of the archive."""
        said: dict[str, str] = {}
        while True:
            header = self._header()
            if header is None:
                if said:
                    raise damaged("it ends with a header that has no member")
                return None
            if header.size < 0:
                # An unpacker that believes this goes back, and round in circles.
                raise UploadRefused("tar-size", f"Member {quoted(header.name)} has a negative length.")
            if header.type in {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}:
                field = "path" if header.type == tarfile.GNUTYPE_LONGNAME else "linkpath"
                _say(said, field, _text(self._data(header).rstrip(b"\0")))
            elif header.type == tarfile.XHDTYPE:
                for field, value in _records(self._data(header)).items():
                    _say(said, field, value)
            elif header.type == tarfile.XGLTYPE:
                # Such as git leaves the commit in. What changes members would do so for some unpackers only.
                if found := _FIELDS & _records(self._data(header)).keys():
                    raise _ambiguous(f"A header for all members gives their {min(found)}.")
            else:
                member = _member(header, said)
                self._count_in(len(member.name) + len(member.target), members=1)
                return member

    def _header(self) -> tarfile.TarInfo | None:
        block = self._stream.read(BLOCK)
        if not block or not block.strip(b"\0"):
            return None
        try:
            # A strict decoder would refuse the names of twenty years ago.
            return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise damaged(str(error)) from error

    def _data(self, header: tarfile.TarInfo) -> bytes:
        if header.size > LONGEST_HEADER:
            raise UploadRefused("tar-header-too-large", f"A header of {header.size} bytes is too large.")
        self._count_in(header.size + _COST)
        data = self._stream.read(padded(header.size))
        if len(data) < padded(header.size):
            raise damaged("a header is cut")
        return data[: header.size]

    def _count_in(self, length: int, *, members: int = 0) -> None:
        self._count += members
        self._length += length
        if self._count > self._limits.members or self._length > self._limits.listing:
            raise UploadRefused(
                "archive-many-members", "The archive has too many members, or too long names."
            )


def padded(size: int) -> int:
    """Round up to whole blocks."""
    return -(-size // BLOCK) * BLOCK


def damaged(why: str) -> UploadRefused:
    """Make the refusal of an archive that no unpacker could read."""
    return UploadRefused("tar-damaged", f"The tar archive cannot be read: {why}.", link=ARCHIVES)


def _member(header: tarfile.TarInfo, said: dict[str, str]) -> TarMember:
    """Put together what the header and those before it say."""
    name = said.get("path", header.name)
    name = name.rstrip("/") if header.isdir() else name
    if header.type == tarfile.GNUTYPE_SPARSE:
        raise _sparse(name)
    kind = _KINDS.get(header.type)
    if kind is None:
        raise UploadRefused(
            "member-special",
            f"Member {quoted(name)} is of type {quoted(header.type.decode('latin-1'))}: no file, "
            "directory or link.",
            link=ARCHIVES,
        )
    paths.check(name)
    if "size" in said and said["size"] != str(header.size):
        raise UploadRefused(
            "tar-size",
            f"Member {quoted(name)} has {header.size} bytes by one header and {quoted(said['size'])} by "
            "another.",
            link=ARCHIVES,
        )
    if kind != "file" and header.size:
        raise UploadRefused("tar-size", f"Member {quoted(name)} is a {kind} and yet has content.")
    return TarMember(name, kind, header.size, said.get("linkpath", header.linkname))


def _records(data: bytes) -> dict[str, str]:
    """Take pax records apart, each ``length key=value`` and a line break (POSIX.1-2008, pax).

    Only what changes which bytes belong to which member is given.
    """
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        digits, _, _ = data[at : at + 10].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = data[at : at + length]
        key, equals, value = record[len(digits) + 1 :].partition(b"=")
        if len(record) < length or not equals or not value.endswith(b"\n"):
            raise damaged("a pax record is broken")
        at += length
        name = _text(key)
        if name.startswith("GNU.sparse."):
            raise _sparse("?")
        if name in _FIELDS:
            _say(found, name, _text(value[:-1]))
    return found


def _say(said: dict[str, str], field: str, value: str) -> None:
    if field in said:
        raise _ambiguous(f"A member's {field} is given twice, as {quoted(said[field])} and {quoted(value)}.")
    said[field] = value


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _sparse(name: str) -> UploadRefused:
    return UploadRefused(
        "tar-sparse", f"Member {quoted(name)} is sparse, which unpackers do not read alike.", link=ARCHIVES
    )


def _ambiguous(sentence: str) -> UploadRefused:
    return UploadRefused("tar-ambiguous", sentence, link=ARCHIVES)
