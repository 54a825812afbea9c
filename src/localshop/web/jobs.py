"""Jobs: what is being done, what waits, what failed and why; administrators try it again or forget it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from localshop.catalog import queue
from localshop.catalog.models import Job
from localshop.errors import BadInput

from . import rights
from .job_lines import job_lines

_ON_A_PAGE = 50
_STATES = {"running": "Running", "waiting": "Waiting", "failed": "Failed"}


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """All jobs, those that run first, then the failed ones; htmx looks again as long as something runs."""
    rights.need_administrator(request)
    rows = Job.objects.filter(every=0)
    asked = request.GET.get("state", "")
    if asked in _STATES:
        rows = rows.filter(state=asked)
    # By luck the alphabet has the failed ones first: running and waiting ones change by themselves.
    page = Paginator(rows.order_by("state", "priority", "run_after", "id"), _ON_A_PAGE).get_page(
        request.GET.get("page")
    )
    left, failed = queue.left_to_do()
    context = {
        "page": page,
        "lines": job_lines(list(page), now=time.time()),
        "periodic": job_lines(list(Job.objects.exclude(every=0).order_by("name")), now=time.time()),
        "states": _STATES,
        "asked": asked,
        "left": left,
        "failed": failed,
    }
    return render(request, "web/activity/jobs.html", context)


@require_POST
def retry(request: HttpRequest, job_id: int) -> HttpResponse:
    """Give a job another chance now."""
    return _act(request, lambda: queue.retry(job_id, now=time.time()), "It is tried again.")


@require_POST
def forget(request: HttpRequest, job_id: int) -> HttpResponse:
    """Take a failed job off the list."""
    return _act(request, lambda: queue.forget(job_id), "It is forgotten.")


@require_POST
def retry_all(request: HttpRequest) -> HttpResponse:
    """Give every failed job another chance."""
    rights.need_administrator(request)
    ids = list(Job.objects.filter(state=Job.State.FAILED).order_by("id").values_list("id", flat=True)[:1000])
    for job_id in ids:
        # Somebody else may have been quicker.
        with suppress(BadInput):
            queue.retry(job_id, now=time.time())
    messages.success(request, f"{len(ids)} failed jobs are tried again.")
    return redirect("jobs")


def _act(request: HttpRequest, act: Callable[[], object], done: str) -> HttpResponse:
    rights.need_administrator(request)
    try:
        act()
    except BadInput as error:
        messages.error(request, error.sentence)
    else:
        messages.success(request, done)
    return redirect("jobs")
