"""What is in a ZIP archive: the bytes of its members, in pieces, with every length and checksum compared."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from localshop.errors import UploadRefused
from localshop.protocol.archives import zipformat
from localshop.protocol.archives.rules import CHUNK, WHEELS, Remark, quoted
from localshop.protocol.archives.zipframe import Member

_SIGNATURES = (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\7\x08")


def pieces(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """Give a member's content. Only when the last piece is there, is it certain that all of it is right."""
    total = crc = 0
    for piece in _guarded(_raw(file, member), member):
        total += len(piece)
        if total > member.size:
            raise _damaged(member)
        crc = zlib.crc32(piece, crc)
        yield piece
    if total != member.size or crc != member.crc:
        raise _damaged(member)


def whole(file: BinaryIO, member: Member, *, limit: int) -> bytes:
    """Give a small member's content in one piece."""
    if member.size > limit:
        raise UploadRefused(
            "metadata-too-large", f"{quoted(member.name)} has {member.size} bytes; {limit} are allowed."
        )
    return b"".join(pieces(file, member))


def remarks(members: tuple[Member, ...]) -> tuple[Remark, ...]:
    """Remark on members that were written without knowing their length, as pipes are."""
    streamed = [member.name for member in members if member.streamed]
    if not streamed:
        return ()
    return (
        Remark(
            "zip-streamed",
            f"The archive was written as a stream: {len(streamed)} members have data descriptors, first "
            f"{quoted(streamed[0])}. PyPI does not take such archives.",
        ),
    )


def _raw(file: BinaryIO, member: Member) -> Iterator[bytes]:
    file.seek(member.start)
    left = member.packed
    inflater = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == zipformat.DEFLATED else None
    while inflater is None and left > 0:
        piece = file.read(min(left, CHUNK))
        left -= len(piece) or left
        yield piece
    while inflater is not None and not inflater.eof:
        data = inflater.unconsumed_tail
        if not data:
            data = file.read(min(left, CHUNK))
            left -= len(data)
        try:
            piece = inflater.decompress(data, 16 * CHUNK)
        except zlib.error as error:
            raise _damaged(member) from error
        if not piece and not data:
            raise _damaged(member)
        yield piece
    if left or (inflater is not None and inflater.unused_data):
        raise _damaged(member)


def _guarded(found: Iterator[bytes], member: Member) -> Iterator[bytes]:
    """Refuse a member that was both streamed and stored, and has in it what looks like the archive's own.

    Who reads such an archive from the start does not know the member's length and looks for the next
    signature, and so takes for members what are only bytes of this one.
    """
    if not member.streamed or member.method != zipformat.STORED:
        yield from found
        return
    last = b""
    for piece in found:
        window = last + piece
        if any(signature in window for signature in _SIGNATURES):
            raise UploadRefused(
                "zip-hidden-data",
                f"Member {quoted(member.name)} is neither packed nor of announced length, and has in it what "
                "can be taken for more members.",
                link=WHEELS,
            )
        last = window[-3:]
        yield piece


def _damaged(member: Member) -> UploadRefused:
    return UploadRefused(
        "zip-damaged",
        f"The content of member {quoted(member.name)} has not the length or checksum that the archive gives.",
        link=WHEELS,
    )
