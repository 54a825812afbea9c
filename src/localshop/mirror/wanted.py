"""Whether a file that was asked for some time ago is still to be fetched, and from where."""

from __future__ import annotations

import logging

from localshop.catalog import files, projects, repositories
from localshop.catalog.records import FileRecord
from localshop.observe.log import event, get_logger
from localshop.protocol.document import entry_from_json
from localshop.shelf.hearing import hearing
from localshop.upstream.source import Source

from .names import is_ours

log = get_logger(__name__)


def still_wanted(file_id: int, *, now: float) -> tuple[Source, FileRecord] | None:
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
    verdict = hearing(repository, project).verdict(entry_from_json(file.entry), now)
    if verdict is not None:
        event(log, logging.INFO, "not-mirrored", verdict.sentence, file=file.filename, verdict=verdict.slug)
        return None
    return source, file
