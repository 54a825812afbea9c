"""File names of wheels and sdists: which project and version they belong to, and which are safe to keep.

Lenient on purpose: a mirror holds twenty years of files, and hiding an old one breaks an old lock file.
The strict rules for new uploads are elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from packaging.version import InvalidVersion, Version

from localshop.protocol import names

Kind = Literal["wheel", "sdist"]

MOST_CANDIDATES = 5

_SDISTS = (
    *(".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar", ".tbz", ".txz", ".tar.Z"),
    *(".tar.zst", ".tlz", ".tar.lz", ".tar.lzma"),
)
# No separators, no control characters, nothing that means something in a URL or in HTML, no leading dot
# (hidden files, "..") or dash (options of a shell command).
_SAFE = re.compile(r"[A-Za-z0-9_+!~,@=()][A-Za-z0-9._+!~,@=()-]{0,254}\Z")
# These stand for something else beside the file of that name: PEP 658, PEP 740, and a signature.
_SIBLINGS = (".metadata", ".provenance", ".asc")
_SDIST_VERSION = re.compile(r"[vV]?[0-9][A-Za-z0-9._+!~-]*\Z")
_WHEEL_VERSION = re.compile(r"([vV]?[0-9][A-Za-z0-9._+!~]*)(?:-[0-9][A-Za-z0-9._]*)?\Z")


@dataclass(frozen=True, slots=True)
class FileName:
    """What a file name says: the project (normalised) and the version as it is spelled in the name."""

    filename: str
    project: str
    version: str
    kind: Kind


def is_safe(filename: str) -> bool:
    """Tell whether a name can be part of our URLs and records: plain ASCII of at most 255 bytes.

    Refuses path separators, control characters, a leading dot or dash, characters with a meaning in URLs or
    HTML, and the names of a file's siblings (``….metadata``, ``….provenance``, ``….asc``).
    """
    return _SAFE.match(filename) is not None and not filename.endswith(_SIBLINGS)


@lru_cache(maxsize=8192)
def parse(filename: str, project: str | None = None) -> FileName | None:
    """Read a file name; None when it is not that of a wheel or an sdist, or of another project.

    ``project``, normalised, makes the split between name and version certain; without it the likeliest one
    is taken (``foo-1-1.tar.gz`` can be read in two ways). Never raises.

    To make a page asks for the same names three times within milliseconds.
    """
    head = _head(filename)
    if head is None:
        return None
    stem, kind = head
    if project is None:
        for name, version in _splits(stem, kind):
            return FileName(filename, names.normalise(name), version, kind)
        return None
    start = _beginning(project).match(stem)
    found = _version(stem[start.end() :], kind) if start else None
    return FileName(filename, project, found, kind) if found else None


def candidates(filename: str) -> tuple[str, ...]:
    """Give the normalised projects that a file name could belong to, likeliest first, five at most.

    The limit is there because each one may cost a question to an upstream.
    """
    head = _head(filename)
    if head is None:
        return ()
    found = dict.fromkeys(names.normalise(name) for name, _ in _splits(*head))
    return tuple(found)[:MOST_CANDIDATES]


@lru_cache(maxsize=8192)
def version_or_none(version: str) -> Version | None:
    """Read a version by PEP 440; None for the older ones that do not follow it."""
    try:
        return Version(version)
    except InvalidVersion:
        return None


def _head(filename: str) -> tuple[str, Kind] | None:
    """Take away the extension and a wheel's three tags; what is left is name, version and build."""
    if not is_safe(filename):
        return None
    if filename.endswith(".whl"):
        parts = filename[:-4].rsplit("-", 3)
        return (parts[0], "wheel") if len(parts) == 4 and all(parts) else None
    for suffix in _SDISTS:
        if filename.endswith(suffix):
            return filename[: -len(suffix)], "sdist"
    return None


@lru_cache(maxsize=1024)
def _beginning(project: str) -> re.Pattern[str]:
    """Match any spelling of a project's name at the start of a file name, and the dash behind it."""
    words = (re.escape(word) for word in project.split("-"))
    return re.compile("[-_.]+".join(words) + "-", re.IGNORECASE | re.ASCII)


def _version(text: str, kind: Kind) -> str | None:
    if kind == "sdist":
        return text if _SDIST_VERSION.match(text) else None
    found = _WHEEL_VERSION.match(text)
    return found[1] if found else None


def _splits(stem: str, kind: Kind) -> Iterator[tuple[str, str]]:
    """Give each way to split a stem into name and version, likeliest first.

    A version by PEP 440 is likelier than another one, then a short name likelier than a long one:
    ``foo-1.0-1`` is post-release 1 of foo rather than version 1 of "foo-1.0".
    """
    unlikely = []
    for dash in re.finditer("-", stem):
        name, version = stem[: dash.start()], _version(stem[dash.end() :], kind)
        if version is None or not names.is_name(name):
            continue
        if version_or_none(version) is None:
            unlikely.append((name, version))
        else:
            yield name, version
    yield from unlikely
