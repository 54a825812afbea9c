"""The job that asks the upstreams for a project, after a person asked for that."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from localshop.catalog import projects, repositories
from localshop.catalog.records import RepositoryRecord
from localshop.errors import UpstreamError
from localshop.mirror.metadata import metadata
from localshop.mirror.names import is_ours
from localshop.mirror.refresh import refresh
from localshop.protocol.filenames import parse, version_or_none
from localshop.shelf.parts import answering
from localshop.shop import Shop


async def refresh_page(shop: Shop, payload: Mapping[str, Any]) -> None:
    """Ask for the project ``payload["project"]`` of the repository whose id is ``payload["repository"]``.

    The METADATA of its newest wheel comes along, since its page for people shows it. Raises the
    upstream's error when nothing is known of the project.
    """
    name = str(payload["project"])
    every = await shop.run(repositories.every_repository)
    repository = next((one for one in every if one.id == payload["repository"]), None)
    if repository is None:
        return
    known = await shop.run(projects.project, repository.id, name)
    # The name may have been reserved, or uploaded to, since it was asked for.
    if is_ours(repository, name, kind=known.kind if known is not None else ""):
        return
    project = await refresh(shop, repository, name, forced=True)
    if project is None:
        return
    newest = await shop.run(_newest_wheel, repository, project.id)
    if newest is not None:
        row = await shop.reads.metadata(repository.id, *newest)
        # A page without it is a page all the same, and no wheel is fetched for it.
        with contextlib.suppress(UpstreamError):
            await metadata(shop, repository, *newest, row=row, whole=False)


def _newest_wheel(repository: RepositoryRecord, project_id: int) -> tuple[str, str] | None:
    answer = answering(repository, projects.upstream_pages(project_id))
    found = []
    for entry in answer.document.files if answer is not None else ():
        parsed = parse(entry.filename)
        version = version_or_none(parsed.version) if parsed is not None and parsed.kind == "wheel" else None
        if version is not None:
            final = not (version.is_prerelease or entry.yanked)
            found.append((final, version, (entry.path, entry.filename)))
    return max(found)[2] if found else None
