"""Finds a file that is not here: which project it belongs to, and what its upstream says of it."""

from __future__ import annotations

from dataclasses import dataclass

from localshop.catalog import files, projects
from localshop.catalog.reads import FileRow
from localshop.catalog.records import ProjectRecord, RepositoryRecord
from localshop.errors import UpstreamUnavailable
from localshop.protocol.document import Entry, entry_from_json
from localshop.protocol.filenames import candidates
from localshop.shelf.known import known_project
from localshop.shelf.parts import Answer, answering, known_answer, remember_answer
from localshop.shop import Shop
from localshop.upstream.source import Source

from .names import is_ours
from .refresh import refresh

_LOOK_AGAIN_AFTER = 10.0
"""Seconds after which a file that a fresh page does not list is looked for upstream once more."""


@dataclass(frozen=True, slots=True)
class Located:
    """A file upstream."""

    project: ProjectRecord
    source: Source
    entry: Entry


async def locate(
    shop: Shop, repository: RepositoryRecord, path: str, filename: str, *, row: FileRow | None = None
) -> Located | None:
    """The file of a URL, by the pages of the projects that its name could belong to.

    ``row`` is what was just read of it, if anything was.
    It works with no page visited before: a lock file has the file's URL alone. Raises the
    upstream's error when it fails and the project is not known.
    """
    row = row or await shop.reads.file(repository.id, path, filename)
    known = await shop.run(files.file_at, repository.id, path, filename) if row.id else None
    if known is not None:
        found = await _by_row(
            shop, repository, known.project, known.upstream_id, entry_from_json(known.entry)
        )
        if found is not None:
            return found
    for name in candidates(filename):
        located = await _in_project(shop, repository, name, (path, filename))
        if located is not None:
            return located
    return None


async def _by_row(
    shop: Shop, repository: RepositoryRecord, name: str, upstream_id: int | None, entry: Entry
) -> Located | None:
    source = _source(repository, upstream_id)
    project = await known_project(shop, repository, name)
    if source is None or project is None or is_ours(repository, name, kind=project.kind):
        return None
    return Located(project, source, entry)


async def _in_project(
    shop: Shop, repository: RepositoryRecord, name: str, place: tuple[str, str]
) -> Located | None:
    project = await known_project(shop, repository, name)
    if is_ours(repository, name, kind=project.kind if project is not None else ""):
        return None
    if project is None or not project.fresh_until:
        project = await _first_look(shop, repository, name)
        if project is None:
            return None
    found = await _in_document(shop, repository, project, place)
    if found is None and _may_look_again(shop, repository, project):
        # The file may be newer than the page that we know: somebody else's lock file names it.
        looked_for = ("again", project.id)
        try:
            project = await refresh(shop, repository, name, forced=True)
        finally:
            # Not before: who asks meanwhile has to wait for it, too, and must not be told 404.
            shop.absent.put(looked_for, shop.steady() + _LOOK_AGAIN_AFTER)
        if project is not None:
            found = await _in_document(shop, repository, project, place)
    if found is None and project is not None and not shop.config.offline:
        await _check_failures(shop, repository, project, place[1])
    return found


async def _check_failures(
    shop: Shop, repository: RepositoryRecord, project: ProjectRecord, filename: str
) -> None:
    """Raise if an upstream failed when it was last asked: then nobody can say that the file is missing."""
    pages = await shop.run(projects.upstream_pages, project.id)
    for source in repository.upstreams:
        page = pages.get(source.id)
        if page is not None and page.error:
            raise UpstreamUnavailable(f"{filename} is on no page that we know, and {page.error}")


async def _first_look(shop: Shop, repository: RepositoryRecord, name: str) -> ProjectRecord | None:
    if shop.config.offline or not repository.upstreams:
        return None
    if shop.steady() < (shop.absent.get((repository.id, name)) or 0):
        return None
    project = await refresh(shop, repository, name)
    if project is not None:
        shop.absent.put(("again", project.id), shop.steady() + _LOOK_AGAIN_AFTER)
    return project


def _may_look_again(shop: Shop, repository: RepositoryRecord, project: ProjectRecord) -> bool:
    if shop.config.offline or not repository.upstreams:
        return False
    return shop.steady() >= (shop.absent.get(("again", project.id)) or 0)


async def _in_document(
    shop: Shop, repository: RepositoryRecord, project: ProjectRecord, place: tuple[str, str]
) -> Located | None:
    answer = known_answer(shop, repository, project)
    if answer is None:
        answer = await shop.look(_answering, repository, project.id)
        if answer is None:
            return None
        remember_answer(shop, repository, project, answer)
    entry, source = answer.entry(place), _source(repository, answer.upstream_id)
    return Located(project, source, entry) if entry is not None and source is not None else None


def _answering(repository: RepositoryRecord, project_id: int) -> Answer | None:
    return answering(repository, projects.upstream_pages(project_id))


def _source(repository: RepositoryRecord, upstream_id: int | None) -> Source | None:
    return next((one for one in repository.upstreams if one.id == upstream_id), None)
