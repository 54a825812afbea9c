"""Where a file was made, as its upstream tells it, and as we do once it is verified (PEP 740)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from localshop.catalog import attestations
from localshop.catalog.reads import FileRow
from localshop.catalog.records import RepositoryRecord
from localshop.shelf.hearing import heard
from localshop.shop import Shop

from .file import Withheld, withheld
from .names import is_ours
from .wanted import still_wanted

_LARGEST = 1 << 20


async def provenance(
    shop: Shop, repository: RepositoryRecord, path: str, filename: str, *, row: FileRow
) -> Mapping[str, object] | Withheld | None:
    """The provenance object of a file that was wanted; None: there is none that was verified."""
    if not row.id or row.state == "deleted":
        return None
    if row.kind != "private" and is_ours(repository, row.project, kind=row.kind):
        return None
    project = await heard(shop, repository, row.project, project_id=row.project_id, serial=row.serial)
    verdict = project.verdict_at(path, filename, shop.now()) if project is not None else None
    if verdict is not None:
        return withheld(verdict)
    return await shop.look(attestations.provenance, row.id)


async def told_by_upstream(shop: Shop, file_id: int, url: str) -> object | None:
    """The provenance object that an upstream announced for a file; None: it is not to be had.

    Raises the upstream's error when it cannot be had now.
    """
    wanted = (
        await shop.look(still_wanted, file_id, now=shop.now()) if url and not shop.config.offline else None
    )
    if wanted is None:
        return None
    source, _ = wanted
    answer = await shop.upstream.small(source, url, limit=_LARGEST)
    try:
        return json.loads(answer.body) if answer.status == 200 else None
    except (ValueError, RecursionError):
        return {}
