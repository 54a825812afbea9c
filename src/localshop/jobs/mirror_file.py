"""The job that brings one file home, after a client was sent to the upstream for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localshop.mirror.fetch import bring_home
from localshop.mirror.wanted import still_wanted
from localshop.shop import Shop


async def mirror_file(shop: Shop, payload: Mapping[str, Any]) -> None:
    """Fetch, verify and store the file whose row has the id ``payload["file"]``.

    When the world has changed since it was asked for, so that there is nothing to fetch any more,
    the job is done. Raises the errors of the upstream and of the storage.
    """
    wanted = await shop.run(still_wanted, int(payload["file"]), now=shop.now())
    if wanted is not None:
        source, file = wanted
        await bring_home(shop, source, file).whole()
