"""The structures of a ZIP archive (PKWARE's APPNOTE.TXT 4.3), and extra fields that change their meaning."""

from __future__ import annotations

import struct

from localshop.errors import UploadRefused
from localshop.protocol.archives.rules import quoted

END = struct.Struct("<4s4H2LH")
"""End of central directory: signature, disk, its disk, entries here, entries, size, offset, comment."""
LOCATOR = struct.Struct("<4sLQL")
"""Zip64 locator: signature, disk, offset of the zip64 end, disks."""
WIDE_END = struct.Struct("<4sQ2H2L4Q")
"""Zip64 end: signature, size, two versions, disk, its disk, entries here, entries, size, offset."""
ENTRY = struct.Struct("<4s6H3L5H2L")
"""Central directory: signature, two versions, flags, method, time, date, crc, packed, size, lengths of name,
extra and comment, disk, inner attributes, outer attributes, offset."""
LOCAL = struct.Struct("<4s5H3L2H")
"""Local header: signature, version, flags, method, time, date, crc, packed, size, lengths of name, extra."""

ENCRYPTED, STREAMED, UTF8 = 0x1, 0x8, 0x800
STORED, DEFLATED = 0, 8
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF

_FIELD = struct.Struct("<2H")
_WIDE, _UNICODE_PATH = 0x0001, 0x7075


def extras(data: bytes, name: str) -> dict[int, bytes]:
    """Take a member's extra fields apart; refuses broken ones, and those that name the member otherwise."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        kind, length = _FIELD.unpack_from(data, at) if len(data) >= at + _FIELD.size else (0, len(data))
        at += _FIELD.size + length
        if at > len(data) or (kind in found and kind in {_WIDE, _UNICODE_PATH}):
            raise UploadRefused("zip-extra", f"The extra fields of member {quoted(name)} are broken.")
        found[kind] = data[at - length : at]
    # A version byte, a checksum of the other name, and the name: an unpacker that knows this field uses it.
    if _UNICODE_PATH in found and found[_UNICODE_PATH][5:] != name.encode():
        raise UploadRefused("zip-extra", f"Member {quoted(name)} has another name in its extra fields.")
    return found


def widened(fields: tuple[int, ...], extra: dict[int, bytes], name: str, *, local: bool) -> tuple[int, ...]:
    """Replace the fields that are too large for 32 bits by those of the zip64 extra field (APPNOTE 4.5.3).

    ``fields``: size, packed size and, in the central directory, offset. Old and new readers have to see the
    same numbers, so what is given twice must be equal, and nothing may be left to interpretation.
    """
    missing = [place for place, field in enumerate(fields) if field == FULL32]
    data = extra.get(_WIDE)
    if data is None:
        return fields
    values = [value for (value,) in struct.iter_unpack("<Q", data[: len(data) // 8 * 8])]
    if len(values) == len(missing):
        places = missing
    elif not missing or (local and len(values) == 2):
        # A local header has both sizes even if only one needs it; some writers have them always.
        places = list(range(len(values)))
    else:
        places = []
    wide = list(fields)
    for place, value in zip(places, values, strict=False):
        if place < len(fields) and fields[place] in {FULL32, value}:
            wide[place] = value
            continue
        raise UploadRefused("zip-wide", f"The zip64 field of member {quoted(name)} contradicts its header.")
    if not places and (missing or values):
        raise UploadRefused("zip-wide", f"The zip64 field of member {quoted(name)} can be read in two ways.")
    return tuple(wide)
