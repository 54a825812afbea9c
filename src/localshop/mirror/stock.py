"""What there is of a project to choose from: its files here, and those that its upstream lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from localshop.catalog import files, projects
from localshop.catalog.records import BlobRecord, ProjectRecord, RepositoryRecord
from localshop.policies.records import Verdict
from localshop.protocol.document import Entry, entry_from_json
from localshop.shelf.hearing import hearing
from localshop.shelf.parts import Answer, answering
from localshop.shop import Shop
from localshop.upstream.source import Source

from .names import is_ours
from .refresh import is_fresh, refresh


@dataclass(frozen=True, slots=True)
class Stock:
    """The files of a project by their names, as its page shows them.

    ``stored`` has the bytes of those that are here. ``hidden`` are those that the page leaves out, and why.
    ``asked``: the upstreams have just been asked, so that asking again is idle.
    """

    name: str
    ours: bool
    asked: bool
    project: ProjectRecord | None = None
    source: Source | None = None
    entries: Mapping[str, Entry] = field(default_factory=dict)
    stored: Mapping[str, BlobRecord] = field(default_factory=dict)
    hidden: Mapping[str, tuple[Entry, Verdict]] = field(default_factory=dict)

    def digest(self, entry: Entry) -> str | None:
        """The sha256 of a file: of the bytes that are here, else as announced, None: it is not known."""
        blob = self.stored.get(entry.filename)
        return blob.sha256 if blob is not None else entry.sha256


async def stock(shop: Shop, repository: RepositoryRecord, name: str, *, again: bool = False) -> Stock:
    """Look what there is of a project (normalised name), asking upstreams when its page is stale.

    A name that is ours is told to nobody. ``again`` asks also while the page is fresh: a lock file
    may be newer. Raises the upstream's error when nothing is known.
    """
    project = await shop.run(projects.project, repository.id, name)
    ours = is_ours(repository, name, kind=project.kind if project is not None else "")
    stale = again or project is None or not is_fresh(shop, repository, project.fresh_until)
    asked = stale and not ours and not shop.config.offline and bool(repository.upstreams)
    if asked:
        project = await refresh(shop, repository, name, forced=again)
    if project is None or (ours and project.kind != "private"):
        # A mirrored project whose name is kept for private files since shows none.
        return Stock(name, ours=ours, asked=asked)
    return await shop.run(_take_stock, shop, repository, project, asked=asked)


def _source(repository: RepositoryRecord, answer: Answer | None) -> Source | None:
    if answer is None:
        return None
    return next((one for one in repository.upstreams if one.id == answer.upstream_id), None)


def _take_stock(shop: Shop, repository: RepositoryRecord, project: ProjectRecord, *, asked: bool) -> Stock:
    private = project.kind == "private"
    answer = None if private else answering(repository, projects.upstream_pages(project.id))
    entries: dict[str, Entry] = {}
    if answer is not None and not shop.config.offline:
        entries = {entry.filename: entry for entry in answer.document.files}
    stored: dict[str, BlobRecord] = {}
    for file in files.files_of(project.id):
        # What came from another upstream than the one that answers now is not mixed in.
        if file.blob is not None and (answer is None or file.upstream_id in {None, answer.upstream_id}):
            # What is here stays as it was first seen, also when the upstream changes or drops it.
            entries[file.filename] = entry_from_json(file.entry)
            stored[file.filename] = file.blob
    hidden: dict[str, tuple[Entry, Verdict]] = {}
    called, now = hearing(repository, project), shop.now()
    for filename, entry in tuple(entries.items()):
        found = called.verdict(entry, now)
        if found is not None:
            hidden[filename] = (entries.pop(filename), found)
    return Stock(
        project.name,
        ours=private,
        asked=asked,
        project=project,
        source=_source(repository, answer),
        entries=entries,
        stored=stored,
        hidden=hidden,
    )
