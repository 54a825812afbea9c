"""The job that looks into a file, for whoever wants to know what is in it before he trusts it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from localshop.catalog import inspections, repositories
from localshop.mirror.borrow import borrowed
from localshop.observe.log import event, get_logger
from localshop.shop import Shop

from . import child

_LARGEST = 8 << 20
_WALL = 300.0

log = get_logger(__name__)


async def inspect_file(shop: Shop, payload: Mapping[str, Any]) -> None:
    """Look into the file ``payload["file"]``, and compare it with ``payload["before"]``.

    Each is ``{"path", "filename", "mark"}``; the latter may be None. Raises the errors of who has the bytes.
    """
    repository = await shop.look(repositories.repository_by_id, int(payload["repository"]))
    file, before = payload["file"], payload["before"]
    async with AsyncExitStack() as stack:
        arguments = []
        for one in (file, before):
            if one is None:
                arguments += ["", ""]
            else:
                path = await stack.enter_async_context(
                    borrowed(shop, repository, one["path"], one["filename"])
                )
                arguments += [one["filename"], str(path)]
        out = await child.ask(
            "localshop.jobs.inspection_child", *arguments, data=b"", largest=_LARGEST, wall=_WALL
        )
    if out is None:
        sentence = f"{file['filename']} could not be looked into: it is no archive, or met a limit."
        event(log, logging.WARNING, "not-inspected", sentence, file=file["filename"])
    await shop.run(
        inspections.save,
        file["mark"],
        before["mark"] if before is not None else "",
        json.loads(out) if out is not None else {},
        at=datetime.fromtimestamp(shop.now(), tz=UTC),
    )
