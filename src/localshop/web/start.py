"""The start page: what is here, the line to copy, what came last, what needs attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from localshop import config
from localshop.catalog.models import Credential
from localshop.catalog.records import RepositoryRecord

from . import lists, rights
from .attention import attention
from .set_up_lines import pip_install, uv_install

_RECENT = 8


@dataclass(frozen=True, slots=True)
class Card:
    """A repository as the start page shows it, with the lines to copy.

    ``asks``: whether it wants credentials of who sits where the visitor sits.
    """

    repository: RepositoryRecord
    pip: str
    uv: str
    asks: bool


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """What of the first steps is done; ``uploads_to`` empty: the person may upload nowhere."""

    mirrored: bool
    credential: bool
    uploaded: bool
    uploads_to: str


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Everybody sees what he may read; who may read nothing is asked to log in."""
    repositories = rights.readable(request)
    if not repositories and rights.identity_of(request) is None:
        raise rights.LoginNeeded
    uploads = lists.recent_files(repositories, private=True, most=_RECENT)
    mirrored = lists.recent_files(repositories, private=False, most=_RECENT)
    return render(
        request,
        "web/start.html",
        {
            "cards": [_card(request, one) for one in repositories],
            "first_steps": _first_steps(
                request, repositories, uploaded=bool(uploads), mirrored=bool(mirrored)
            ),
            "uploads": uploads,
            "mirrored": mirrored,
            "matters": attention(request, repositories),
        },
    )


def _card(request: HttpRequest, repository: RepositoryRecord) -> Card:
    index = index_url(request, repository)
    return Card(
        repository,
        pip=pip_install(index),
        uv=uv_install(index),
        asks=not rights.anybody_may_read(request, repository),
    )


def _first_steps(
    request: HttpRequest, repositories: Sequence[RepositoryRecord], *, uploaded: bool, mirrored: bool
) -> FirstSteps | None:
    """What is left of the first steps; None: this localshop is in use, or nobody is logged in."""
    identity = rights.identity_of(request)
    if (uploaded and mirrored) or identity is None or identity.user is None:
        return None
    return FirstSteps(
        mirrored=mirrored,
        credential=Credential.objects.filter(user=identity.user.id).exists(),
        uploaded=uploaded,
        uploads_to=next((one.slug for one in repositories if rights.may_upload(request, one)), ""),
    )


def index_url(request: HttpRequest, repository: RepositoryRecord) -> str:
    """The URL that clients are given for a repository."""
    settings = config.current()
    path = f"{settings.mount_path}/repo/{repository.slug}/"
    return f"{settings.public_url}{path}" if settings.public_url else request.build_absolute_uri(path)
