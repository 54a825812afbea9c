"""Archives written byte by byte, so that any field of theirs can lie.

raw_zip([Part("a.py", b"x", local={"crc": 0})], after=b"more")
gzipped(tar_of([file("demo-1.0/PKG-INFO", b"..."), symlink("demo-1.0/x", "/etc")]))
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

STORED, DEFLATED = 0, 8
FULL32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Part:
    """A member of a ZIP; ``local`` and ``central`` replace single fields of its two headers."""

    name: str | bytes
    data: bytes = b""
    method: int = DEFLATED
    flags: int = 0
    mode: int = 0o100644
    packed: bytes | None = None  # Instead of the data as the method packs it.
    descriptor: bytes = b""
    comment: bytes = b""
    local: Mapping[str, int | bytes] = field(default_factory=dict)
    central: Mapping[str, int | bytes] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        return self.name if isinstance(self.name, bytes) else self.name.encode()

    @property
    def body(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflate(self.data) if self.method == DEFLATED else self.data

    def fields(self) -> dict:
        return {
            "name": self.raw,
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.data),
            "packed": len(self.body),
            "size": len(self.data),
            "extra": b"",
        }


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def raw_zip(
    parts: Sequence[Part],
    *,
    before: bytes = b"",
    shift: int = 0,
    between: bytes = b"",
    after: bytes = b"",
    comment: bytes = b"",
    end: Mapping[str, int] | None = None,
    wide: Mapping[str, int] | None = None,
) -> bytes:
    """Write a ZIP: ``between`` stands after each member, ``shift`` is taken off all offsets.

    ``end`` and ``wide`` replace fields of the end record and of the zip64 one, which is there if given.
    """
    out = io.BytesIO()
    out.write(before)
    directory = b""
    for part in parts:
        offset = out.tell() - shift
        mine = part.fields() | dict(part.local)
        times = (0, 0x21)
        out.write(
            struct.pack(
                "<4s5H3L2H",
                *(b"PK\3\4", 20, mine["flags"], mine["method"], *times),
                *(mine["crc"], mine["packed"], mine["size"], len(mine["name"]), len(mine["extra"])),
            )
        )
        out.write(mine["name"] + mine["extra"] + part.body + part.descriptor + between)
        listed = part.fields() | {"offset": offset} | dict(part.central)
        directory += struct.pack(
            "<4s6H3L5H2L",
            *(b"PK\1\2", 0x0314, 20, listed["flags"], listed["method"], *times),
            *(listed["crc"], listed["packed"], listed["size"]),
            *(len(listed["name"]), len(listed["extra"]), len(part.comment), 0, 0),
            *(part.mode << 16, listed["offset"]),
        )
        directory += listed["name"] + listed["extra"] + part.comment
    start = out.tell() - shift
    out.write(directory)
    said = {"count": len(parts), "length": len(directory), "start": start}
    if wide is not None:
        at = out.tell()
        more = said | {"here": len(parts), "own": 44, "at": at} | dict(wide)
        counts = (more["here"], more["count"], more["length"], more["start"])
        out.write(struct.pack("<4sQ2H2L4Q", b"PK\6\6", more["own"], 45, 45, 0, 0, *counts))
        out.write(struct.pack("<4sLQL", b"PK\6\7", 0, more["at"], 1))
    said |= dict(end or {})
    counts = (said["count"], said["count"], said["length"], said["start"], len(comment))
    out.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *counts) + comment + after)
    return out.getvalue()


def tar_of(members: Sequence[tuple[tarfile.TarInfo, bytes]], *, form: int = tarfile.PAX_FORMAT) -> bytes:
    """Write a tar, unpacked."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def file(name: str, data: bytes = b"", **fields) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a tar with its data; ``fields`` are set on its header."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for key, value in fields.items():
        setattr(member, key, value)
    return member, data


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return file(name, type=tarfile.SYMTYPE, linkname=target)


def hardlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return file(name, type=tarfile.LNKTYPE, linkname=target)


def block(name: str, *, kind: bytes, data: bytes = b"", size: int | None = None) -> bytes:
    """A header block as it stands in a tar, and its data behind it, for what tarfile would not write."""
    member = tarfile.TarInfo(name)
    member.type = kind
    member.size = len(data) if size is None else size
    form = tarfile.GNU_FORMAT if member.size < 0 else tarfile.USTAR_FORMAT
    return member.tobuf(form) + data + bytes(-len(data) % 512)


def pax(**records: str) -> bytes:
    """The data of a pax header."""
    out = b""
    for key, value in records.items():
        rest = f" {key.replace('__', '.')}={value}\n".encode()
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length += 1
        out += str(length).encode() + rest
    return out


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)
