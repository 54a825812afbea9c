"""The hourly job that takes away what crashes and time have left lying about."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import transaction

from localshop.catalog import attestations, downloads, inspections, journal, readmes, state
from localshop.observe.log import event, get_logger
from localshop.shop import Shop
from localshop.storage.parts import remove_old_parts

from .verify_attestations import can_verify

TIDY = "tidy"
"""The name of the job."""
KEPT = 86_400.0
"""Seconds without a change after which a file that was still arriving is given up."""
_CAUGHT_UP = 86_400.0
"""Seconds, at most, by which each look for what is too old goes on, however far the clock has."""
REFUSALS_KEPT = timedelta(days=90)
"""How long the journal keeps refusals and wrong passwords."""
INSPECTED = timedelta(days=30)
"""How long it is kept what was found inside a file."""

log = get_logger(__name__)


async def tidy(shop: Shop, _payload: Mapping[str, Any]) -> None:
    """Remove parts of files that nobody goes on with, old READMEs, and whatever is too old to be kept.

    Attestations that came before they could be verified are verified once they can.
    """
    removed = len(await shop.run(remove_old_parts, shop.store.scratch, before=shop.now() - KEPT))
    if removed:
        event(log, logging.INFO, "tidied", f"{removed} unfinished files were given up.", files=removed)
    await shop.run(readmes.remove_unneeded)
    moment = await shop.run(state.moment_of_tidying, shop.now(), most=_CAUGHT_UP)
    now = datetime.fromtimestamp(moment, tz=UTC)
    await shop.run(_remove_old_sessions, before=now, now=datetime.fromtimestamp(shop.now(), tz=UTC))
    await shop.run(inspections.forget, before=now - INSPECTED)
    since = downloads.first_day(moment, kept=shop.config.downloads_kept_days)
    await shop.run(downloads.forget, before=since)
    await shop.run(journal.forget_refusals, before=now - REFUSALS_KEPT)
    if can_verify():
        await shop.run(attestations.ask_waiting)


def _remove_old_sessions(*, before: datetime, now: datetime) -> None:
    """Remove those that ended before; one that would end too late began while the clock ran ahead."""
    latest = now + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    sessions = import_module(settings.SESSION_ENGINE).SessionStore.get_model_class().objects
    with transaction.atomic():
        sessions.filter(expire_date__lt=before).delete()
        sessions.filter(expire_date__gt=latest).update(expire_date=latest)
