"""What a distribution tells people of itself in its METADATA: all of it text that nobody has to believe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from localshop.errors import UploadRefused

from . import coremetadata

LARGEST = 8 << 20
"""Bytes of METADATA that are looked at."""
_SCHEMES = frozenset({"http", "https", "mailto"})
_BLANK = re.compile(rb"\r?\n\r?\n")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
_LONGEST = 300
_MOST = 300


@dataclass(frozen=True, slots=True)
class Link:
    """A link that its author gave; ``url`` is empty when it leads where no link of ours may."""

    label: str
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class About:
    """Fields of core metadata for people; whatever was not said is empty.

    ``requires`` are requirements as they were written, by the extra that needs them; ``""``: always.
    ``content_type`` is that of ``description``, as it was written.
    """

    summary: str
    author: str
    maintainer: str
    licence: str
    requires_python: str
    keywords: tuple[str, ...]
    classifiers: tuple[str, ...]
    links: tuple[Link, ...]
    requires: Mapping[str, tuple[str, ...]]
    description: str
    content_type: str


def about(data: bytes) -> About | None:
    """Read METADATA for people; None: it cannot be read. Never raises, whatever is in it."""
    data = data[:LARGEST]
    head, _, body = _cut(data)
    try:
        raw, unread = coremetadata.fields(head.decode("utf-8", "replace").encode(), what="METADATA")
    except UploadRefused:
        return None
    described = body.decode("utf-8", "replace").strip("\n") or _unfolded(raw.get("description", ""))
    urls = [("Home page", raw.get("home_page", "")), *raw.get("project_urls", {}).items()]
    if raw.get("download_url"):
        urls.append(("Download", raw["download_url"]))
    # Home pages that say so twice are given once, by the label that the author chose.
    named = {url: label for label, url in urls if url and url != "UNKNOWN"}
    return About(
        summary=_line(raw.get("summary", "")),
        author=_people(raw.get("author", ""), raw.get("author_email", "")),
        maintainer=_people(raw.get("maintainer", ""), raw.get("maintainer_email", "")),
        licence=_line(raw.get("license_expression", "") or raw.get("license", "")),
        requires_python=_line(raw.get("requires_python", "")),
        keywords=tuple(_line(word) for word in raw.get("keywords", [])[:40] if word.strip()),
        classifiers=tuple(_line(one) for one in raw.get("classifiers", [])[:_MOST]),
        links=tuple(link(label, url) for url, label in list(named.items())[:40]),
        requires=_requires(raw.get("requires_dist", [])[:_MOST]),
        description=described,
        content_type=raw.get("description_content_type", "")
        or next(iter(unread.get("description-content-type", [])), ""),
    )


def link(label: str, url: str) -> Link:
    """A link that may be followed only if it is one to a page or a person: never ``javascript:``."""
    text = url.strip()
    try:
        scheme = urlsplit(text).scheme.lower()
    except ValueError:
        scheme = ""
    # Browsers drop control characters inside of a URL, so "java\nscript:" must not get this far.
    good = scheme in _SCHEMES and text.isprintable() and " " not in text and len(text) <= 2000
    return Link(_line(label), text if good else "", _line(text))


def _cut(data: bytes) -> tuple[bytes, bytes, bytes]:
    found = _BLANK.search(data)
    return (data[: found.start()], found[0], data[found.end() :]) if found else (data, b"", b"")


def _unfolded(text: str) -> str:
    """A description in a header (metadata 1.x), whose lines are set in by eight blanks or ``|``."""
    return "\n".join(re.sub(r"\A(?: {8}| {7}\|)", "", line) for line in text.splitlines())


def _people(names: str, addresses: str) -> str:
    both = [one for one in (_line(names), _line(addresses)) if one and one != "UNKNOWN"]
    return ", ".join(both)


def _requires(texts: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for text in texts:
        line = _line(text)
        try:
            marker = str(Requirement(text).marker or "")
        except (InvalidRequirement, RecursionError):
            marker = ""
        extra = _EXTRA.search(marker)
        found.setdefault(extra[1] if extra else "", []).append(line)
    return {extra: tuple(lines) for extra, lines in sorted(found.items())}


def _line(text: str) -> str:
    """One line of bearable length."""
    line = "".join(letter for letter in " ".join(text[:2000].split()) if letter.isprintable())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
