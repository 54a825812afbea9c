"""Reads values out of the JSON of a rule; what cannot be taken is told in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from localshop.errors import BadInput

_DATE_ALONE = len("2026-11-21")


def texts(told: Mapping[str, object], key: str) -> list[str]:
    """A list of texts."""
    value = told.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadInput(f"{key!r} of a rule is a list of texts, not {value!r}.")
    return value


def days(told: Mapping[str, object], key: str, *, most: int = 3650) -> int:
    """A number of days, one at least."""
    value = told.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise BadInput(f"{key!r} of a rule is a whole number from 1 to {most}, not {value!r}.")
    return value


def one_of(told: Mapping[str, object], key: str, choices: tuple[str, ...], *, default: str) -> str:
    """One of a few words."""
    value = told.get(key, default)
    if value not in choices:
        raise BadInput(f"{key!r} of a rule is one of {', '.join(choices)}, not {value!r}.")
    return str(value)


def moment(text: object) -> float:
    """A date, or a date and a time, as seconds since the epoch; one without a zone is taken for UTC.

    A date alone is the end of that day. Raises ``BadInput``.
    """
    try:
        given = text if isinstance(text, str) else ""
        when = datetime.fromisoformat(given)
        if len(given) <= _DATE_ALONE:
            when += timedelta(days=1)
        return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise BadInput(
            f"{text!r} is no date: write 2026-11-21, or 2026-11-21T10:00:00Z for a time of that day."
        ) from None


def written(moment: float) -> str:
    """A time for people and machines alike: ``2026-11-21T10:00:00Z``, rounded up to a second."""
    return f"{datetime.fromtimestamp(-(-moment // 1), tz=UTC):%Y-%m-%dT%H:%M:%SZ}"
