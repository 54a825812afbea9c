"""The numbers for a monitoring system, in the format of Prometheus."""

from __future__ import annotations

import hmac
import time
from contextlib import suppress

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from localshop import __version__, config
from localshop.catalog import health, queue
from localshop.errors import StorageError
from localshop.observe import shared
from localshop.observe.metrics import CONTENT_TYPE, Labels, exposition
from localshop.storage.opening import open_store

from . import rights


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything that is counted on this machine, and what the tables hold.

    For administrators, and for whoever shows ``LOCALSHOP_METRICS_TOKEN`` as a bearer token.
    """
    if not _has_token(request):
        browser = "text/html" in request.headers.get("Accept", "")
        if "Authorization" in request.headers or (rights.identity_of(request) is None and not browser):
            # To a monitoring system a login page would say nothing.
            return _denied()
        rights.need_administrator(request)
    counts, processes = shared.collect()
    values = {**counts, ("info", (("version", __version__),)): 1.0, ("processes", ()): float(processes)}
    return HttpResponse(exposition(values | _kept()), content_type=CONTENT_TYPE)


def _has_token(request: HttpRequest) -> bool:
    token = config.current().metrics_token
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    # In constant time, so that the time tells nothing of how much of it was right.
    right = hmac.compare_digest(shown.strip().encode(), token.encode())
    return bool(token) and scheme.lower() == "bearer" and right


def _denied() -> HttpResponse:
    sentence = "metrics-denied: Show LOCALSHOP_METRICS_TOKEN as a bearer token, or log in as administrator.\n"
    answer = HttpResponse(sentence, status=401, content_type="text/plain; charset=utf-8")
    answer["WWW-Authenticate"] = 'Bearer realm="localshop metrics"'
    return answer


def _kept() -> dict[tuple[str, Labels], float]:
    """What the tables and the disk say. The numbers of the processes are told without them, too."""
    found: dict[tuple[str, Labels], float] = {}
    with suppress(DatabaseError):
        found |= health.numbers()
        for (name, state), amount in queue.amounts().items():
            found["jobs", (("name", name), ("state", state))] = amount
        found["jobs_overdue_seconds", ()] = queue.longest_due(now=time.time())
    with suppress(StorageError):
        found["disk_free_bytes", ()], found["disk_bytes", ()] = open_store().room()
    return found
