"""What turned bad upstream since it was last asked: quarantined, yanked or deleted. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from localshop.catalog.records import Bad
from localshop.protocol.document import Document, Entry
from localshop.protocol.filenames import parse


@dataclass(frozen=True, slots=True)
class Turn:
    """What an upstream said of a project before, and what it says now; None: it has it no more."""

    upstream_id: int
    before: Document
    after: Document | None


def turned_bad(repository: str, project: str, turn: Turn, *, wanted: Mapping[str, int | None]) -> list[Bad]:
    """The alarms for files that somebody here has had; ``wanted``: by name, from which upstream (its id)."""
    before = {entry.filename: entry for entry in turn.before.files}
    after = {entry.filename: entry for entry in turn.after.files} if turn.after is not None else {}
    ours = sorted(name for name, upstream_id in wanted.items() if upstream_id == turn.upstream_id)
    if not ours:
        return []
    found = []
    if turn.after is not None and turn.after.status == "quarantined" != turn.before.status:
        reason = f": {turn.after.status_reason}" if turn.after.status_reason else "."
        sentence = f"{project} was quarantined by its upstream{reason}"
        found.append(Bad(repository, project, "", cause="quarantined", source="", sentence=sentence))
    yanked = {name: after[name] for name in ours if name in after and after[name].yanked}
    newly = [name for name in yanked if name in before and not before[name].yanked]
    for version, names in _by_version(newly, project):
        reason = _reason(yanked[name] for name in names)
        sentence = f"{project} {version} was yanked upstream{reason}"
        found.append(Bad(repository, project, version, cause="yanked", source="", sentence=sentence))
    for version, names in _by_version(
        [name for name in ours if name in before and name not in after], project
    ):
        sentence = f"{project} {version} was deleted upstream: {', '.join(names)}. What is here stays."
        found.append(Bad(repository, project, version, cause="deleted", source="", sentence=sentence))
    return found


def _by_version(names: Iterable[str], project: str) -> Iterator[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for name in names:
        parsed = parse(name, project)
        found.setdefault(parsed.version if parsed is not None else "", []).append(name)
    return iter(sorted(found.items()))


def _reason(entries: Iterable[Entry]) -> str:
    return next((f": {one.yanked}" for one in entries if isinstance(one.yanked, str)), ".")
