"""What a person may have done behind the request: ask upstreams for a page, bring files home."""

from __future__ import annotations

from collections.abc import Collection

from localshop import config
from localshop.catalog import projects, queue
from localshop.catalog.records import ProjectRecord, RepositoryRecord
from localshop.errors import BadInput
from localshop.protocol.names import is_name, normalise
from localshop.shelf.hearing import hearing
from localshop.shelf.parts import answering

from .file import MIRROR_FILE, is_swapped, want
from .locate import Located
from .names import is_ours

REFRESH_PAGE = "refresh-page"
"""The name of the job that asks the upstreams for a project."""


def refresh_key(repository: RepositoryRecord, name: str) -> str:
    """What the job is known by that asks the upstreams for this project."""
    return f"{REFRESH_PAGE} {repository.id} {name}"


def mirror_key(file_id: int) -> str:
    """What the job is known by that brings this file home."""
    return f"{MIRROR_FILE} {file_id}"


def ask_upstream(repository: RepositoryRecord, name: str, *, now: float) -> str:
    """Have the upstreams asked for a project, however fresh its page is; gives its normalised name.

    Raises ``BadInput`` when they may not be asked, and why.
    """
    if not is_name(name):
        raise BadInput(f"{name!r} cannot be the name of a package: letters, digits, '.', '_' and '-'.")
    name = normalise(name)
    known = projects.project(repository.id, name)
    _check(repository, name, known)
    payload = {"repository": repository.id, "project": name}
    queue.enqueue(REFRESH_PAGE, refresh_key(repository, name), payload=payload, now=now, insist=True)
    return name


def fetch_files(
    repository: RepositoryRecord, project: ProjectRecord, filenames: Collection[str], *, now: float
) -> list[str]:
    """Have files brought home that the project's upstream lists and that are not here; gives their names.

    Hidden files are left out, and those that have other bytes upstream than here. Raises ``BadInput``
    when nothing may be fetched, and why.
    """
    _check(repository, project.name, project)
    if repository.miss == "refuse":
        raise BadInput(f"Repository {repository.slug!r} fetches no files; its owners can change that.")
    answer = answering(repository, projects.upstream_pages(project.id))
    if answer is None:
        return []
    source = next(one for one in repository.upstreams if one.id == answer.upstream_id)
    fetched = []
    called = hearing(repository, project)
    for entry in answer.document.files:
        if entry.filename not in filenames or called.verdict(entry, now) is not None:
            continue
        located = Located(project, source, entry)
        wanted = None if is_swapped(located) else want(located)
        if wanted is None or wanted.blob is not None:
            continue
        payload = {"file": wanted.id}
        queue.enqueue(MIRROR_FILE, mirror_key(wanted.id), payload=payload, now=now, insist=True)
        fetched.append(entry.filename)
    return fetched


def _check(repository: RepositoryRecord, name: str, known: ProjectRecord | None) -> None:
    if is_ours(repository, name, kind=known.kind if known is not None else ""):
        raise BadInput(f"{name} is a name of your own in {repository.slug!r}: no upstream is told of it.")
    if config.current().offline:
        raise BadInput("localshop is offline (LOCALSHOP_OFFLINE): no upstream is asked.")
    if not repository.upstreams:
        raise BadInput(f"Repository {repository.slug!r} has no upstream.")
