"""Credentials: who sees which, made (with the secret key shown once), disabled, enabled, deleted."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from localshop.catalog import credentials as rows
from localshop.catalog import repositories
from localshop.catalog.models import Credential, Repository

from . import rights
from .forms.credentials import MACHINE, CredentialForm, Reach
from .set_up_lines import cards, netrc
from .start import index_url

_ON_A_PAGE = 50


@require_safe
def credentials(request: HttpRequest) -> HttpResponse:
    """One's own; of their repositories for owners; all for administrators."""
    found = managed(request).select_related("user").prefetch_related("repositories").order_by("-id")
    page = Paginator(found, _ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "web/credentials/list.html", {"page": page, "now": datetime.now(UTC)})


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """The form, and, as the answer to it and nowhere else, the secret key."""
    person = rights.person_of(request)
    form = CredentialForm(request.POST or None, reach=_reach(request))
    if request.method != "POST" or not form.is_valid():
        return render(request, "web/credentials/new.html", {"form": form})
    given = form.cleaned_data
    made, secret = rows.create_credential(
        repositories=given.get("repositories") or [],
        user=None if given.get("holder") == MACHINE else person.username,
        upload=given.get("upload", False),
        expires=given["expires"],
        comment=given["comment"],
        actor=rights.actor_of(request),
    )
    # Not by a redirect: the secret would have to wait somewhere in between.
    slug = (made.repositories or (repositories.DEFAULT,))[0]
    index = index_url(request, repositories.repository(slug))
    context = {
        "made": made,
        "secret": secret,
        "slug": slug,
        "cards": cards(index, slug=slug, access_key=made.access_key, secret_key=secret)[:2],
        "netrc": netrc(index, access_key=made.access_key, secret_key=secret),
    }
    return render(request, "web/credentials/made.html", context)


@require_POST
def enable(request: HttpRequest, access_key: str) -> HttpResponse:
    """Let it in again."""
    return _set_enabled(request, access_key, enabled=True)


@require_POST
def disable(request: HttpRequest, access_key: str) -> HttpResponse:
    """Let it in no more, from the next request on."""
    return _set_enabled(request, access_key, enabled=False)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, access_key: str) -> HttpResponse:
    """Ask, and delete."""
    _need_managed(request, access_key)
    if request.method != "POST":
        one = rows.credential(access_key)
        return render(request, "web/credentials/delete.html", {"one": one})
    gone = rows.delete_credential(access_key, actor=rights.actor_of(request))
    messages.success(request, f"The credential {gone.comment or gone.access_key} is deleted.")
    return redirect("credentials")


def managed(request: HttpRequest) -> QuerySet[Credential]:
    """The credentials that the person may see and change; raises ``LoginNeeded``.

    An owner has those that are good for his repositories and for no others.
    """
    person = rights.person_of(request)
    if person.administrator:
        return Credential.objects.all()
    owned = [repository for repository, role in person.roles.items() if role == "owner"]
    its = Repository.objects.filter(credentials=OuterRef("id"))
    of_his = Q(Exists(its.filter(id__in=owned)), ~Exists(its.exclude(id__in=owned)), everywhere=False)
    return Credential.objects.filter(Q(user=person.id) | of_his)


def _set_enabled(request: HttpRequest, access_key: str, *, enabled: bool) -> HttpResponse:
    _need_managed(request, access_key)
    one = rows.set_enabled(access_key, enabled=enabled, actor=rights.actor_of(request))
    what = "let in again" if enabled else "disabled: it is let in no more"
    messages.success(request, f"The credential {one.comment or one.access_key} is {what}.")
    return redirect("credentials")


def _need_managed(request: HttpRequest, access_key: str) -> None:
    # One that is somebody else's looks like one that does not exist.
    if not managed(request).filter(access_key=access_key).exists():
        raise Http404("There is no such credential.")


def _reach(request: HttpRequest) -> Reach:
    # Wherever the person sits just now: the credential is used elsewhere.
    readable = [one for one in repositories.every_repository() if rights.may_reach(request, one)]
    return Reach(
        readable=[one.slug for one in readable],
        uploadable=[one.slug for one in readable if rights.may_upload(request, one)],
        owned=[one.slug for one in readable if rights.may_own(request, one)],
        everything=rights.is_administrator(request),
    )
