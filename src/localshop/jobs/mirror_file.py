"""The job that brings one file home, after a client was sent to the upstream for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from localshop.catalog import files, projects, repositories
from localshop.catalog.records import FileRecord
from localshop.mirror.fetch import bring_home
from localshop.mirror.names import is_ours
from localshop.observe.log import event, get_logger
from localshop.policies.judge import Subject, judge
from localshop.shop import Shop
from localshop.upstream.source import Source

log = get_logger(__name__)


async def mirror_file(shop: Shop, payload: Mapping[str, Any]) -> None:
    """Fetch, verify and store the file whose row has the id ``payload["file"]``.

    When the world has changed since it was asked for, so that there is nothing to fetch any more,
    the job is done. Raises the errors of the upstream and of the storage.
    """
    wanted = await shop.run(_still_wanted, int(payload["file"]))
    if wanted is not None:
        source, file = wanted
        await bring_home(shop, source, file).whole()


def _still_wanted(file_id: int) -> tuple[Source, FileRecord] | None:
    """The file and where it comes from; None: it is gone, or not to be had from an upstream now."""
    file = files.file_by_id(file_id)
    if file is None:
        return None
    repository = repositories.repository_by_id(file.repository_id)
    source = next((one for one in repository.upstreams if one.id == file.upstream_id), None)
    # The name may have been reserved since: then it is not told to an upstream any more.
    if source is None or is_ours(repository, file.project, kind=file.kind):
        return None
    project = projects.project(file.repository_id, file.project)
    if project is None:
        return None
    verdict = judge(Subject(project.name, file.filename, project.status, project.status_reason))
    if verdict is not None:
        event(log, logging.INFO, "not-mirrored", verdict.sentence, file=file.filename, verdict=verdict.slug)
        return None
    return source, file
