"""All packages: searched as one types, filtered, a page at a time."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from . import lists, rights

_ON_A_PAGE = 50


@require_safe
def packages(request: HttpRequest) -> HttpResponse:
    """The packages of all repositories that may be looked at; htmx gets the table alone."""
    repositories = rights.readable(request)
    if not repositories and rights.identity_of(request) is None:
        raise rights.LoginNeeded
    filters = lists.Filters(
        words=request.GET.get("q", "")[:200].replace("\0", ""),
        repository=request.GET.get("repository", ""),
        kind=request.GET.get("kind", ""),
    )
    page = Paginator(lists.projects(repositories, filters), _ON_A_PAGE).get_page(request.GET.get("page"))
    template = "web/packages/found.html" if request.headers.get("HX-Request") else "web/packages/list.html"
    context = {
        "page": page,
        "filters": filters,
        "repositories": repositories,
        "uploads": [one for one in repositories if rights.may_upload(request, one)],
    }
    return render(request, template, context)
