"""The two addresses that monitors ask."""

from __future__ import annotations

import functools
import time

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from localshop.catalog import health, queue, state
from localshop.errors import LocalshopError
from localshop.storage.opening import open_store
from localshop.storage.pulse import Pulse


@require_safe
def alive(_request: HttpRequest) -> HttpResponse:
    """Answer as long as the process does."""
    return HttpResponse("alive\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


@require_safe
def ready(_request: HttpRequest) -> HttpResponse:
    """Say whether requests can be served, for which the database has to answer; and what is not well.

    What is not well is told as data and not as a failure: who is taken out of service because his disk
    takes no more, or because an upstream is down, does not serve what he has.
    """
    told: dict[str, object] = {"status": "down", "database": False}
    try:
        if state.is_there():
            waiting, failed = queue.left_to_do()
            storage, now = _takes_files(), time.time()
            # How many, not which: anybody may ask.
            states = [one.down for one in health.upstreams()]
            told = {
                "status": "ready" if storage else "degraded",
                "database": True,
                "storage": storage,
                "jobs": {
                    "waiting": waiting,
                    "failed": failed,
                    "overdue": queue.overdue(now=now),
                    "overdue_seconds": round(queue.longest_due(now=now)),
                },
                "upstreams": {"up": states.count(False), "down": states.count(True)},
                "stale_pages": health.stale_pages()[0],
            }
    except DatabaseError:
        # Then this is all that can be told.
        pass
    answer = JsonResponse(told, status=200 if told["database"] else 503)
    answer["Cache-Control"] = "no-store"
    return answer


def _takes_files() -> bool:
    try:
        open_store()
    except LocalshopError:
        return False
    # Anybody may ask as often as he likes, and each trial is a write; and a storage may hang, where a
    # monitor must not.
    return _pulse().is_well()


@functools.cache
def _pulse() -> Pulse:
    return Pulse()
