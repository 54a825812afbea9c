"""What a path of the index means. Pure, and quick: it runs on every request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from localshop.protocol.filenames import is_safe
from localshop.protocol.names import is_name, normalise

DEFAULT = "default"
_ALIAS = "+simple"
_PYPI = "pypi"
_JSON = "json"
_WHY = "why"
_OSV = ["osv", "v1"]
_OSV_QUESTIONS = frozenset({"query", "querybatch"})
_OSV_ADVISORY = "vulns"
_METADATA = ".metadata"
_PROVENANCE = ".provenance"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes. ``project`` empty: the project list. ``filename`` set: a file.

    ``prefix`` is the path up to the project, for redirects; ``slash``: the path ended in one.
    ``legacy``: to the legacy JSON API, for the project or for one ``version`` of it, whose name is
    normalised already if it is one; without a project it is the address that only XML-RPC has. ``why``:
    to what is said of the project's files, whose name is normalised as well. ``osv``: what is asked of
    OSV's API, ``query``, ``querybatch``, or ``vulns`` for the advisory ``version``.
    """

    repository: str
    prefix: str
    project: str = ""
    path: str = ""
    filename: str = ""
    metadata: bool = False
    provenance: bool = False
    slash: bool = True
    legacy: bool = False
    version: str = ""
    why: bool = False
    osv: str = ""


def door_of(route: Route, method: str) -> str:
    """What a request is for, as the numbers of requests tell it: one of a few words."""
    if route.osv:
        return "advisories"
    if method not in {"GET", "HEAD"}:
        return "upload"
    if route.filename:
        return "metadata" if route.metadata else "provenance" if route.provenance else "file"
    if route.legacy:
        return "legacy"
    return "page" if route.project else "list"


@lru_cache(8192)
def parse(raw_path: bytes) -> Route | None:
    """The route of a path as it was sent (percent-encoded, without the mount path); None: no route.

    Each segment is decoded once, after the split: an encoded slash, dot or NUL in a name stays a
    character of that name, and makes it one that does not exist.
    """
    segments = _segments(raw_path)
    if segments is None or segments[0] != "":
        return None
    segments = segments[1:]
    slash = segments[-1] == ""
    if slash:
        segments.pop()
    if not segments:
        return None
    if segments[0] == "simple":
        return _below(DEFAULT, segments[1:], prefix="/simple/", slash=slash)
    if segments[0] == "repo" and len(segments) > 1:
        slug = segments[1]
        return _below(slug, segments[2:], prefix=f"/repo/{slug}/", slash=slash)
    if segments[:2] == _OSV:
        return _osv(DEFAULT, segments[2:], prefix="/")
    if segments == [_PYPI]:
        return Route(DEFAULT, "/pypi/", slash=slash, legacy=True)
    if segments[0] == _PYPI and len(segments) > 2:
        return _legacy(DEFAULT, segments, prefix="/pypi/")
    return None


def _segments(raw_path: bytes) -> list[str] | None:
    try:
        segments = [unquote_to_bytes(segment).decode() for segment in raw_path.split(b"/")]
    except UnicodeDecodeError:
        return None
    return segments if all(segment.isprintable() for segment in segments) else None


def _below(repository: str, rest: list[str], *, prefix: str, slash: bool) -> Route | None:
    if rest[:1] == [_ALIAS]:
        prefix, rest = f"{prefix}{_ALIAS}/", rest[1:]
    elif rest[:1] == ["packages"] and len(rest) == 5:
        return _file(repository, rest[1:], prefix=prefix, slash=slash)
    if len(rest) == 2 and rest[1] == _WHY:
        project = normalise(rest[0]) if is_name(rest[0]) else rest[0]
        return Route(repository, prefix, project=project, why=True)
    if rest[:2] == _OSV:
        return _osv(repository, rest[2:], prefix=prefix)
    if len(rest) > 1:
        return _legacy(repository, rest, prefix=prefix)
    # One segment is always a project, whatever its name.
    return Route(repository, prefix, project=rest[0] if rest else "", slash=slash)


def _legacy(repository: str, rest: list[str], *, prefix: str) -> Route | None:
    """The JSON API: ``pypi/<project>/json``, ``pypi/<project>/<version>/json`` and ``<project>/json``.

    Dependabot sends names as they are written in a requirements file, so they are normalised here.
    """
    *asked, last = rest
    if last != _JSON or len(asked) > 3 or not all(asked) or (len(asked) > 1 and asked[0] != _PYPI):
        return None
    project, version = [*asked[1:], ""][:2] if len(asked) > 1 else (asked[0], "")
    project = normalise(project) if is_name(project) else project
    return Route(repository, prefix, project=project, legacy=True, version=version)


def _osv(repository: str, rest: list[str], *, prefix: str) -> Route | None:
    """OSV's API, below any repository: advisories are the same, but which names are private is not."""
    match rest:
        case [question] if question in _OSV_QUESTIONS:
            return Route(repository, prefix, osv=question)
        case [place, name] if place == _OSV_ADVISORY:
            return Route(repository, prefix, osv=place, version=name)
    return None


def _file(repository: str, rest: list[str], *, prefix: str, slash: bool) -> Route | None:
    *place, filename = rest
    metadata = filename.endswith(_METADATA)
    provenance = filename.endswith(_PROVENANCE)
    filename = filename.removesuffix(_METADATA).removesuffix(_PROVENANCE)
    if slash or not is_safe(filename) or not all(part.isascii() and part.isalnum() for part in place):
        return None
    return Route(
        repository,
        prefix,
        path="/".join(place),
        filename=filename,
        metadata=metadata,
        provenance=provenance,
    )
