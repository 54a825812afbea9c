"""What is asked of upstreams by hand: a package by its name, a page anew, files to be brought home."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from localshop.catalog import projects
from localshop.catalog.records import ProjectRecord, RepositoryRecord
from localshop.errors import BadInput
from localshop.mirror.errands import ask_upstream, fetch_files

from . import rights
from .releases import releases


@require_POST
def look_up(request: HttpRequest) -> HttpResponse:
    """Look a package up by name, so that it is here before anybody installs it."""
    repository = _repository(request, request.POST.get("repository", ""))
    try:
        name = ask_upstream(repository, request.POST.get("name", "").strip(), now=time.time())
    except BadInput as error:
        messages.error(request, error.sentence)
        return redirect("packages")
    return redirect("project", repository.slug, name)


@require_POST
def refresh(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Ask the upstreams anew, however fresh the page is."""
    repository = _repository(request, slug)
    try:
        ask_upstream(repository, name, now=time.time())
    except BadInput as error:
        messages.error(request, error.sentence)
    else:
        messages.success(request, "The upstream is being asked; reload in a moment.")
    return redirect("project", slug, name)


@require_POST
def mirror_files(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Bring one file home (``filename``), or all of a release (``version``)."""
    repository = _repository(request, slug)
    project = projects.project(repository.id, name)
    if project is None:
        raise Http404(f"There is no package {name!r} in {slug!r}.")
    if "filename" in request.POST:
        wanted = [request.POST["filename"]]
    else:
        version = request.POST.get("version", "")
        wanted = _of_release(repository, project, version)
    _say(request, lambda: fetch_files(repository, project, wanted, now=time.time()))
    return redirect("project", slug, name)


def _of_release(repository: RepositoryRecord, project: ProjectRecord, version: str) -> list[str]:
    return [
        line.entry.filename
        for release in releases(repository, project)
        if release.version == version
        for line in release.files
        if line.standing in {"upstream", "failed"}
    ]


def _say(request: HttpRequest, work: Callable[[], list[str]]) -> None:
    try:
        fetched = work()
    except BadInput as error:
        messages.error(request, error.sentence)
        return
    if not fetched:
        messages.warning(request, "There was nothing left to fetch.")
    elif len(fetched) == 1:
        messages.success(request, f"{fetched[0]} is being fetched.")
    else:
        messages.success(request, f"{len(fetched)} files are being fetched.")


def _repository(request: HttpRequest, slug: str) -> RepositoryRecord:
    """The repository, for somebody who is logged in and may read it."""
    rights.person_of(request)
    return rights.repository_to_read(request, slug)
