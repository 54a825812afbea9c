"""Content negotiation: which of our three media types answers a request, and whether it may be gzip."""

from __future__ import annotations

import re
from functools import lru_cache

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
TEXT = "text/html"

# PEP 691, "Version + Format Selection": the answer to "latest" names the version that it is.
_ALIASES = {
    "application/vnd.pypi.simple.latest+json": JSON,
    "application/vnd.pypi.simple.latest+html": HTML,
}
_NAMED = {JSON: JSON, HTML: HTML, TEXT: TEXT, **_ALIASES}
# For each of ours the wildcards that cover it, the closest first.
_WILDCARDS = {JSON: ("application/*", "*/*"), HTML: ("application/*", "*/*"), TEXT: ("text/*", "*/*")}
# Who names types gets the richest of those liked equally; who takes anything is a browser or a script that
# expects what an index has always given.
_BY_NAME = (JSON, HTML, TEXT)
_BY_WILDCARD = (TEXT, JSON, HTML)

_QUALITY = re.compile(r"(?:[01](?:\.[0-9]{0,6})?|\.[0-9]{1,6})\Z")
# Longer headers are no client's, and would fill the memory of the caches below with an attacker's text.
_LONGEST = 1000


def media_type(accept: str | None, *, wanted: str | None = None) -> str | None:
    """Choose the media type of an answer; None when ``?format=`` asks for one that we do not have (406).

    ``wanted`` is the value of ``?format=`` and overrides ``Accept`` (PEP 691, "URL Parameter"). An ``Accept``
    that is missing, empty, unreadable or matches nothing gets ``text/html``, as on PyPI. Never raises.
    """
    if wanted is not None:
        # A plus sign that was not encoded has become a space on its way through a query string.
        return _NAMED.get(wanted.strip().replace(" ", "+").lower())
    if not accept or len(accept) > _LONGEST:
        return TEXT
    return _chosen(accept)


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Tell whether an answer may be compressed with gzip (RFC 9110, section 12.5.3)."""
    return accept_encoding is not None and len(accept_encoding) <= _LONGEST and _gzip(accept_encoding)


@lru_cache(maxsize=512)
def _chosen(accept: str) -> str:
    """Choose by RFC 9110, section 12.5.1: the closest range decides on a type, the highest quality wins."""
    asked = _qualities(accept)
    ranges: dict[str, float] = {}
    for asked_for, quality in asked.items():
        name = _ALIASES.get(asked_for, asked_for)
        ranges[name] = max(quality, ranges.get(name, 0.0))
    best, chosen = 0.0, TEXT
    for name in _BY_NAME:
        if ranges.get(name, 0.0) > best:
            best, chosen = ranges[name], name
    for name in _BY_WILDCARD:
        if name in ranges:
            continue
        quality = next((ranges[wildcard] for wildcard in _WILDCARDS[name] if wildcard in ranges), 0.0)
        if quality > best:
            best, chosen = quality, name
    return chosen


@lru_cache(maxsize=512)
def _gzip(accept_encoding: str) -> bool:
    asked = _qualities(accept_encoding)
    for name in ("gzip", "x-gzip", "*"):
        if name in asked:
            return asked[name] > 0
    return False


def _qualities(header: str) -> dict[str, float]:
    """Read a list of things with qualities, lower-case; one whose quality is unreadable is left out."""
    found: dict[str, float] = {}
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                value = value.strip()
                quality = min(float(value), 1.0) if _QUALITY.match(value) else -1.0
        if name and quality >= 0:
            found[name] = max(quality, found.get(name, 0.0))
    return found
