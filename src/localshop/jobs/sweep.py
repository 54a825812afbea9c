"""The hourly job that keeps mirrored files below the size that was set for them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from localshop.mirror.sweep import sweep
from localshop.observe.log import event, get_logger
from localshop.shop import Shop

SWEEP = "sweep"
"""The name of the job."""

log = get_logger(__name__)


async def sweep_mirrored(shop: Shop, _payload: Mapping[str, Any]) -> None:
    """Make room, if ``LOCALSHOP_MIRROR_SIZE`` says how much mirrored files may take.

    What is in no table is removed only where the settings have deleted packages take their bytes
    along: else these may be the bytes of deleted private packages, which stay until somebody says
    ``localshop sweep``.
    """
    limit = shop.config.mirror_size
    if not limit:
        return
    swept = await shop.run(sweep, shop, limit=limit, leftovers=shop.config.delete_files)
    if swept.freed:
        event(
            log,
            logging.INFO,
            "swept",
            f"{swept.evicted} mirrored files made room; they are fetched again when they are asked for.",
            evicted=swept.evicted,
            freed=swept.freed,
            mirrored=swept.mirrored,
        )
    if swept.mirrored > limit:
        event(
            log,
            logging.WARNING,
            "no-more-room",
            "Mirrored files take more than LOCALSHOP_MIRROR_SIZE, but no more of them can go: the others "
            "could not be fetched again.",
            mirrored=swept.mirrored,
            limit=limit,
        )
