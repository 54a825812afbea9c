"""Who was given which file: noted on the way out, written down every few seconds."""

from __future__ import annotations

import logging

from localshop.access import Admission
from localshop.catalog import downloads
from localshop.catalog.records import Given
from localshop.observe.counters import key_of, tally
from localshop.observe.log import event, get_logger
from localshop.protocol.conditional import byte_range
from localshop.protocol.installers import installer
from localshop.shop import Shop

from .answers import Scope
from .routes import Route

_NO_END = 1 << 62
_DOWNLOADS = key_of("downloads_total")

log = get_logger(__name__)


def note_download(shop: Shop, admission: Admission, scope: Scope, route: Route) -> None:
    """Somebody was given a file, or sent to where he gets it."""
    tally(_DOWNLOADS)
    if not shop.config.downloads_kept_days:
        return
    agent = dict(scope["headers"]).get(b"user-agent", b"")
    identity, now = admission.identity, shop.now()
    user = identity.user if identity is not None else None
    credential = identity.credential if identity is not None else None
    one = Given(
        downloads.day_number(now),
        admission.repository.slug,
        route.path,
        route.filename,
        user.username if user is not None else "",
        credential.access_key if credential is not None else "",
        admission.address,
        installer(agent),
    )
    shop.given.note(one, now)


def asks_for_beginning(scope: Scope) -> bool:
    """Whether a request is for a file's first bytes; of a client that resumes, only the first one is."""
    asked = next((value for name, value in scope["headers"] if name == b"range"), None)
    part = byte_range(asked.decode("latin-1"), _NO_END) if asked is not None else None
    return part is None or part[0] == 0


async def write_downloads(shop: Shop) -> None:
    """Write down what was given out: one batch, not one commit for each request.

    It must not be cancelled: nobody would know whether the batch was written.
    """
    batch = shop.given.take()
    try:
        if batch:
            await shop.run(downloads.note, batch)
    except BaseException:
        shop.given.put_back(batch)
        raise
    finally:
        if shop.given.lost:
            sentence = "Downloads could not be written down, and were too many to remember."
            event(log, logging.ERROR, "downloads-lost", sentence, lost=shop.given.lost)
            shop.given.lost = 0
