"""Repositories: which there are, made, changed, asked for anew, deleted."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from localshop import config
from localshop.catalog import repositories as rows
from localshop.catalog.models import Project
from localshop.catalog.networks import FIRST_NETWORKS
from localshop.catalog.records import RepositoryRecord
from localshop.errors import BadInput

from . import rights
from .forms.repositories import DeleteForm, RepositoryForm, initial_of
from .start import index_url


@dataclass(frozen=True, slots=True)
class Line:
    """One repository as the list shows it."""

    repository: RepositoryRecord
    index: str
    upstreams: list[str]
    projects: int
    owned: bool
    readable: bool
    uploads: bool


@require_safe
def repositories(request: HttpRequest) -> HttpResponse:
    """Those that one may read, and those that one owns, wherever one sits."""
    rights.person_of(request)
    counts = dict(
        Project.objects.filter(listed=True).values_list("repository").annotate(many=Count("id")).order_by()
    )
    lines = [
        Line(
            repository=one,
            index=index_url(request, one),
            upstreams=[_host(source.url) for source in one.upstreams],
            projects=counts.get(one.id, 0),
            owned=rights.may_own(request, one),
            readable=rights.may_read(request, one),
            uploads=rights.may_read(request, one) and rights.may_upload(request, one),
        )
        for one in rows.every_repository()
    ]
    shown = [line for line in lines if line.readable or line.owned]
    return render(request, "web/repositories/list.html", {"lines": shown})


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """A new one, with the networks that every repository begins with; for administrators."""
    rights.need_administrator(request)
    settings = config.current()
    # A password in it must not get onto a page; whoever has one there can type it again.
    upstream = settings.upstream_url if "@" not in settings.upstream_url else ""
    initial = {
        "upstreams": upstream,
        "fresh": settings.fresh_seconds,
        "overwrite": settings.release_overwrite,
    }
    form = RepositoryForm(request.POST or None, known=None, initial=initial)
    if request.method == "POST" and form.is_valid():
        slug = form.cleaned_data["slug"]
        try:
            rows.create_repository(
                slug,
                upstreams=form.cleaned_data["upstreams"],
                networks=FIRST_NETWORKS,
                changes=form.changes(),
                actor=rights.actor_of(request),
            )
        except BadInput as error:
            form.add_error("slug", error.sentence)
        else:
            messages.success(request, f"The repository {slug} is there.")
            return redirect("repository-set-up", slug)
    return render(request, "web/repositories/form.html", {"form": form, "repository": None})


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Its settings; for its owners and administrators."""
    repository = rights.repository_to_own(request, slug)
    form = RepositoryForm(request.POST or None, known=repository, initial=initial_of(repository))
    if request.method == "POST" and form.is_valid():
        rows.edit_repository(
            slug,
            upstreams=form.cleaned_data["upstreams"],
            changes=form.changes(),
            actor=rights.actor_of(request),
        )
        messages.success(request, f"The settings of {slug} are saved.")
        return redirect("repositories")
    return render(request, "web/repositories/form.html", {"form": form, "repository": repository})


@require_POST
def refresh(request: HttpRequest, slug: str) -> HttpResponse:
    """Let every page be asked for anew; for its owners and administrators."""
    rights.repository_to_own(request, slug)
    rows.ask_again(slug, actor=rights.actor_of(request))
    messages.success(request, f"Every page of {slug} is asked for anew when it is next wanted.")
    return redirect("repositories")


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for its name, and delete it with all that it knows; for administrators."""
    rights.need_administrator(request)
    repository = rights.repository_to_own(request, slug)
    if slug == rows.DEFAULT:
        raise PermissionDenied
    form = DeleteForm(request.POST or None, slug=slug)
    if request.method == "POST" and form.is_valid():
        rows.delete_repository(slug, actor=rights.actor_of(request))
        messages.success(request, f"The repository {slug} is deleted.")
        return redirect("repositories")
    projects = Project.objects.filter(repository=repository.id)
    counts = {
        kind: projects.filter(kind=kind).count() for kind in (Project.Kind.PRIVATE, Project.Kind.MIRRORED)
    }
    context = {"form": form, "repository": repository, "counts": counts}
    return render(request, "web/repositories/delete.html", context)


def _host(url: str) -> str:
    return urlsplit(url).netloc
