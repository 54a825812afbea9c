"""The hourly job that takes away what crashes and time have left lying about."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from localshop.observe.log import event, get_logger
from localshop.shop import Shop

TIDY = "tidy"
"""The name of the job."""
KEPT = 86_400.0
"""Seconds without a change after which a file that was still arriving is given up."""

log = get_logger(__name__)


async def tidy(shop: Shop, _payload: Mapping[str, Any]) -> None:
    """Remove parts of files that nobody goes on with, and sessions that have expired."""
    removed = await shop.run(remove_old_parts, shop.store.scratch, before=shop.now() - KEPT)
    if removed:
        event(log, logging.INFO, "tidied", f"{removed} unfinished files were given up.", files=removed)
    await shop.run(_remove_old_sessions)


def remove_old_parts(scratch: Path, *, before: float) -> int:
    """Remove the files in ``scratch`` that were last changed before ``before`` (seconds since the epoch).

    One whose lock is held is being written by somebody, however slowly, and stays. Lock files stay
    too: whoever removes one lets two others in at once. Returns how many went.
    """
    return sum(_remove(path, before=before) for path in scratch.iterdir() if path.suffix != ".lock")


def _remove(path: Path, *, before: float) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        # It has arrived meanwhile, or is nothing that we have put here.
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Looked at under the lock, so that nobody has begun to go on with it in between.
        if os.fstat(fd).st_mtime >= before:
            return False
        path.unlink()
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(fd)


def _remove_old_sessions() -> None:
    with transaction.atomic():
        import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
