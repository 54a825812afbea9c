"""Uploading in the browser: the page, and the token by which its script publishes like twine."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from localshop import config
from localshop.access import upload_token
from localshop.access.rules import Action, check
from localshop.catalog.records import RepositoryRecord
from localshop.errors import NoRight

from . import rights
from .start import index_url


@require_safe
def upload(request: HttpRequest, slug: str) -> HttpResponse:
    """The page: the files go from there to the repository's own URL, the very door that twine uses."""
    repository = _repository(request, slug)
    settings = config.current()
    context = {
        "repository": repository,
        "index": index_url(request, repository),
        "door": f"{settings.mount_path}/repo/{repository.slug}/",
        # The script puts the name behind it.
        "packages": reverse("project", args=[repository.slug, "x"]).removesuffix("x/"),
        "largest": settings.max_upload_size,
        "refusal": _refusal(request, repository),
    }
    return render(request, "web/upload.html", context)


@require_safe
def token(request: HttpRequest, slug: str) -> HttpResponse:
    """A fresh token, for one file of one repository; whoever may not upload gets none."""
    repository = _repository(request, slug)
    return JsonResponse({"token": upload_token.make(rights.person_of(request).id, repository.id)})


def _repository(request: HttpRequest, slug: str) -> RepositoryRecord:
    repository = rights.repository_to_read(request, slug)
    rights.person_of(request)
    if not rights.may_upload(request, repository):
        raise PermissionDenied
    return repository


def _refusal(request: HttpRequest, repository: RepositoryRecord) -> str:
    """Why the door would not take anything from where the person sits, told before he has tried."""
    try:
        check(Action.UPLOAD, repository, rights.visitor_of(request), identity=rights.identity_of(request))
    except NoRight as error:
        return error.sentence
    return ""
