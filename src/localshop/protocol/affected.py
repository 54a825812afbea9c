"""Which versions of a project an advisory is about, by the rules of the OSV schema and PEP 440. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from packaging.version import Version

from .filenames import version_or_none

Bound = tuple[str, str]
"""An event of a range: ``introduced``, ``fixed``, ``last_affected`` or ``limit``, and the version."""

_KINDS = ("fixed", "limit", "introduced", "last_affected")
_RANGES = frozenset({"ECOSYSTEM", "SEMVER"})
_FIRST = "0"
"""OSV: "0" as introduced stands for a version that sorts before any other."""
_LOWEST = Version("0.dev0")
"""PEP 440 knows no lower one."""
_MOST = 20_000
"""Events and versions of one package, at most: the real ones have some hundreds."""


@dataclass(frozen=True, slots=True)
class Affected:
    """The versions that one advisory names of one project: in ranges, and one by one."""

    ranges: tuple[tuple[Bound, ...], ...] = ()
    versions: frozenset[str] = frozenset()

    def holds(self, version: str) -> bool:
        """Whether a version, as it is spelled in a file name, is affected.

        A local version (``1.0+cpu``) is the public one with something added, so it shares its faults. One
        that PEP 440 does not know is affected if it is named, or if every version is.
        """
        return _one(self).holds(version)

    def fixed_in(self) -> tuple[str, ...]:
        """The versions that are told to be mended, the oldest first."""
        found = {at for events in self.ranges for kind, at in events if kind == "fixed"}
        return tuple(sorted(found, key=lambda at: (version_or_none(at) or Version("0"), at)))

    def told(self) -> dict[str, Any]:
        """Itself as JSON."""
        return {"ranges": self.ranges, "versions": sorted(self.versions)}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Affected:
        """Make it of what ``told`` gave."""
        ranges = tuple(tuple((str(kind), str(at)) for kind, at in events) for events in told["ranges"])
        return cls(ranges, frozenset(told["versions"]))


EVERYTHING = Affected(ranges=((("introduced", _FIRST),),))
"""Every version there is or will be."""


def read_affected(parts: Iterable[Mapping[str, Any]]) -> Affected | None:
    """Read the entries of an advisory that are about one project; None: they name no version.

    A range that cannot be read is left out, and so are those of commits: file names tell no commit. Raises
    ``ValueError`` when there is more than anybody could mean.
    """
    ranges: list[tuple[Bound, ...]] = []
    versions: set[str] = set()
    for part in parts:
        versions.update(one for one in _list(part, "versions") if isinstance(one, str))
        for told in _list(part, "ranges"):
            if isinstance(told, dict) and told.get("type") in _RANGES:
                events = _events(_list(told, "events"))
                if events:
                    ranges.append(events)
        if len(versions) + sum(map(len, ranges)) > _MOST:
            raise ValueError(f"more than {_MOST} versions and events")
    return Affected(tuple(ranges), frozenset(versions)) if ranges or versions else None


class Union:
    """The versions that any of several advisories names, asked for all at once: there may be hundreds."""

    __slots__ = ("_everything", "_local", "_named", "_public", "_spelled")

    def __init__(self, every: Iterable[Affected]) -> None:
        parts = list(every)
        self._spelled = frozenset().union(*(part.versions for part in parts))
        self._named = frozenset(map(version_or_none, self._spelled)) - {None}
        ranges = [events for part in parts for events in part.ranges]
        self._everything = any(events == (("introduced", _FIRST),) for events in ranges)
        # Those that speak of local versions mean them; to all others a local version is its public one.
        self._local = _Spans(_merged(events for events in ranges if _is_local(events)))
        self._public = _Spans(_merged(events for events in ranges if not _is_local(events)))

    def holds(self, version: str) -> bool:
        """As ``Affected.holds``, for any of them."""
        if version in self._spelled:
            return True
        parsed = version_or_none(version)
        if parsed is None:
            return self._everything
        public = Version(parsed.public) if parsed.local is not None else parsed
        if self._named and (parsed in self._named or public in self._named):
            return True
        return self._public.hold(public) or self._local.hold(parsed)


@lru_cache(4096)
def _one(affected: Affected) -> Union:
    return Union([affected])


class _Span(NamedTuple):
    """Versions from ``start`` up to ``end``, None: all later ones; ``last``: the end belongs to it."""

    start: Version
    end: Version | None = None
    last: bool = False

    def reaches(self, version: Version) -> bool:
        """Whether a version is not behind its end."""
        return self.end is None or version < self.end or (self.last and version == self.end)


def _merged(ranges: Iterable[Sequence[Bound]]) -> list[_Span]:
    """Spans that do not overlap, in order."""
    found: list[_Span] = []
    spans = [span for events in ranges for span in _spans(events)]
    for span in sorted(spans, key=lambda span: span.start):
        before = found[-1] if found else None
        if before is None or not before.reaches(span.start):
            found.append(span)
        elif before.end is not None and (
            span.end is None or (span.end, span.last) > (before.end, before.last)
        ):
            found[-1] = before._replace(end=span.end, last=span.last)
    return found


def _spans(events: Sequence[Bound]) -> Iterator[_Span]:
    """OSV, "Evaluation": go through the events in the order of their versions; each turns it on or off."""
    start: Version | None = None
    for kind, at in sorted(((kind, _at(text)) for kind, text in events), key=_order):
        if kind == "introduced":
            start = at if start is None else start
        elif start is not None:
            yield _Span(start, at, last=kind == "last_affected")
            start = None
    if start is not None:
        yield _Span(start)


def _order(event: tuple[str, Version]) -> tuple[Version, int]:
    """At one version, what ends comes before what begins; but a version can begin and be the last at once."""
    return event[1], _KINDS.index(event[0])


class _Spans:
    """Spans that do not overlap, in order, with their starts beside them, to be looked up quickly."""

    __slots__ = ("_spans", "_starts")

    def __init__(self, spans: list[_Span]) -> None:
        self._spans = spans
        self._starts = [span.start for span in spans]

    def hold(self, version: Version) -> bool:
        """Whether a version lies in one of them."""
        place = bisect_right(self._starts, version)
        return place > 0 and self._spans[place - 1].reaches(version)


def _at(text: str) -> Version:
    return _LOWEST if text == _FIRST else Version(text)


def _is_local(events: Sequence[Bound]) -> bool:
    return any("+" in at for _, at in events)


def _events(told: Sequence[Any]) -> tuple[Bound, ...]:
    """The events of a range; empty: one of them cannot be read, or none begins."""
    found: list[Bound] = []
    for event in told:
        if not isinstance(event, dict) or len(event) != 1:
            return ()
        kind, at = next(iter(event.items()))
        if kind not in _KINDS or not isinstance(at, str):
            return ()
        if at == "*" and kind == "limit":
            continue
        if at != _FIRST and version_or_none(at) is None:
            return ()
        found.append((kind, at))
    return tuple(found) if any(kind == "introduced" for kind, _ in found) else ()


def _list(told: Mapping[str, Any], key: str) -> list[Any]:
    value = told.get(key)
    return value if isinstance(value, list) else []
