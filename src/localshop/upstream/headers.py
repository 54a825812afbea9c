"""Reading the header fields of an upstream's answer, none of which are to be trusted."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_DIGITS = re.compile(r"[0-9]{1,18}")


def content_range(value: str) -> tuple[int, int, int | None] | None:
    """Return half-open (start, stop) and the whole file's size (None: unknown), or None if malformed.

    RFC 9110, section 14.4: ``bytes first-last/complete``.
    """
    match = _RANGE.fullmatch(value.strip())
    if match is None:
        return None
    start, stop = int(match[1]), int(match[2]) + 1
    total = None if match[3] == "*" else int(match[3])
    if start >= stop or (total is not None and stop > total):
        return None
    return start, stop, total


def retry_after(value: str, *, now: datetime) -> float | None:
    """Return the seconds until the upstream wants to be asked again, or None if it did not say.

    RFC 9110, section 10.2.3: a number of seconds, or a date. Never negative.
    """
    value = value.strip()
    if _DIGITS.fullmatch(value):
        return float(value)
    when = moment(value)
    return None if when is None else max(0.0, (when - now).total_seconds())


def moment(value: str) -> datetime | None:
    """Return an HTTP date (RFC 9110, section 5.6.7), or None if it is none."""
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def number(value: str) -> int | None:
    """Return a plain decimal number such as a serial, or None if it is none."""
    value = value.strip()
    return int(value) if _DIGITS.fullmatch(value) else None
