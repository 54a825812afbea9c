"""Conditional and partial requests: does the client have it already, and which bytes does it want."""

from __future__ import annotations

import re

from localshop.errors import LocalshopError

_ETAG = re.compile(r'"([^"]*)"')
# Nineteen digits are more than any file has bytes, and few enough to be read at no cost.
_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]{0,19})[ \t]*-[ \t]*([0-9]{0,19})[ \t]*\Z", re.IGNORECASE)


class Unsatisfiable(LocalshopError):
    """The range begins behind the end of the file (RFC 9110, section 15.5.17: 416)."""

    slug = "range-unsatisfiable"


def matches(if_none_match: str, etag: str) -> bool:
    """Tell whether an ``If-None-Match`` names our ETag (RFC 9110, section 13.1.2: weak comparison).

    ``etag`` is quoted, with or without the mark of a weak one.
    """
    if if_none_match == etag or if_none_match.strip() == "*":
        return True
    return etag.removeprefix("W/").strip('"') in _ETAG.findall(if_none_match)


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Read a ``Range`` header (RFC 9110, section 14): the bytes from start up to, not including, stop.

    None means the whole file: no header, another unit, several ranges, or one that makes no sense.
    Raises Unsatisfiable when the range is well-formed, but none of its bytes exist.
    """
    found = _RANGE.match(header.strip()) if header else None
    if found is None:
        return None
    first, last = found[1], found[2]
    if not first and not last:
        return None
    start, stop = (int(first), size) if first else (max(0, size - int(last)), size)
    if first and last:
        if int(last) < start:
            return None
        stop = min(int(last) + 1, size)
    if start >= size:
        raise Unsatisfiable(f"The file has {size} bytes; none of them is in the range {header!r}.")
    return start, stop
