"""The hourly job that looks whether there are other advisories, where the settings say where they are."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from localshop.catalog.journal import Actor
from localshop.mirror.advisories import refresh_advisories
from localshop.observe.log import event, get_logger
from localshop.shop import Shop

IMPORT_ADVISORIES = "import-advisories"
"""The name of the job."""

log = get_logger(__name__)


async def import_advisories(shop: Shop, _payload: Mapping[str, Any]) -> None:
    """Fetch and take in ``LOCALSHOP_ADVISORIES_URL``, if it is set and is not as it was."""
    url = shop.config.advisories_url
    if not url:
        return
    found = await refresh_advisories(shop, url, actor=Actor("job"))
    if found is not None and found.dropped:
        event(
            log,
            logging.WARNING,
            "advisories-dropped",
            f"{found.dropped} advisories could not be read, so none was taken for withdrawn.",
            dropped=found.dropped,
        )
    if found is not None and found.changed:
        event(
            log,
            logging.INFO,
            "advisories-imported",
            f"{found.changed} advisories are new or others.",
            changed=found.changed,
            gone=found.gone,
            projects=found.projects,
        )
