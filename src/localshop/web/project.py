"""The page of one project: what it is, how to install it, its releases, where each file stands."""

from __future__ import annotations

import time

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from localshop.catalog import files, projects, queue
from localshop.catalog.records import ProjectRecord, RepositoryRecord
from localshop.mirror.errands import refresh_key
from localshop.protocol.about import About, about
from localshop.protocol.names import normalise

from . import rights
from .advisories import advised, advisory_lines
from .content import may_change
from .downloads import use
from .hidden import hidden
from .readme import Readme, readme
from .releases import doubt, newest_first, releases
from .set_up_lines import pip_install, uv_install
from .start import index_url

_ON_A_PAGE = 20


@require_safe
def project(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """What is known of a project, from our own files and its upstream's last word."""
    repository = rights.repository_to_read(request, slug)
    name = normalise(name)
    found = projects.project(repository.id, name)
    asking = queue.jobs_by_key([refresh_key(repository, name)]).get(refresh_key(repository, name))
    if found is None:
        if asking is None and request.headers.get("HX-Request"):
            # The page that asks again and again takes no error for an answer: it is to be loaded anew.
            return HttpResponse(headers={"HX-Refresh": "true"})
        if asking is None:
            raise Http404(f"There is no package {name!r} in {slug!r}.")
        context: dict[str, object] = {"repository": repository, "name": name, "job": asking}
        return render(request, "web/packages/asking.html", context)
    every = releases(repository, found)
    told, text = _told(repository, found, [(one.path, one.filename) for one in newest_first(every)])
    lines = advisory_lines(found, every)
    index, owns = index_url(request, repository), rights.may_own(request, repository)
    context = {
        "repository": repository,
        "project": found,
        "releases": Paginator(every, _ON_A_PAGE).get_page(request.GET.get("page")),
        "doubt": doubt(every),
        "advisories": lines,
        "advised": advised(lines),
        "pip": pip_install(index),
        "uv": uv_install(index),
        "hidden": hidden(every),
        "may_own": owns,
        "about": told,
        "readme": text,
        "asking": asking,
        "use": use(repository.slug, name),
        "may_see_downloads": owns,
        "may": may_change(request, repository, found),
        "may_upload": found.kind == "private" and rights.may_upload(request, repository),
        "may_refresh": found.kind != "private" and rights.identity_of(request) is not None,
    }
    return render(request, "web/packages/project.html", context)


def _told(
    repository: RepositoryRecord, found: ProjectRecord, places: list[tuple[str, str]]
) -> tuple[About | None, Readme | None]:
    """What the newest METADATA that is held says."""
    held = files.metadata_digests(found.id)
    place = next((place for place in places if place in held), None)
    if place is None:
        return None, None
    told = about(files.metadata_among(repository.id, [place]))
    if told is None:
        return None, None
    return told, readme(repository, place, digest=held[place], told=told, now=time.time())
