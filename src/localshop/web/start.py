"""The start page: what is here, the line to copy, what came last, what needs attention."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from localshop import config
from localshop.catalog import queue
from localshop.catalog.records import RepositoryRecord

from . import lists, rights

_RECENT = 8


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Everybody sees what he may read; who may read nothing is asked to log in."""
    repositories = rights.readable(request)
    if not repositories and rights.identity_of(request) is None:
        raise rights.LoginNeeded
    cards = [{"repository": one, "index": index_url(request, one)} for one in repositories]
    return render(
        request,
        "web/start.html",
        {
            "cards": cards,
            "uploads": lists.recent_files(repositories, private=True, most=_RECENT),
            "mirrored": lists.recent_files(repositories, private=False, most=_RECENT),
            "failed_jobs": queue.left_to_do()[1] if rights.is_administrator(request) else 0,
        },
    )


def index_url(request: HttpRequest, repository: RepositoryRecord) -> str:
    """The URL that clients are given for a repository."""
    settings = config.current()
    path = f"{settings.mount_path}/repo/{repository.slug}/"
    return f"{settings.public_url}{path}" if settings.public_url else request.build_absolute_uri(path)
