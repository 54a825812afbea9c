"""The set-up card: what to tell each client of a repository, with a fresh credential in it on request."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from localshop.access.rules import Action
from localshop.catalog import credentials

from . import rights
from .forms.credentials import FreshCredentialForm
from .outlook import outlook
from .set_up_lines import cards
from .start import index_url


@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest, slug: str) -> HttpResponse:
    """The lines, with places for keys; as the answer to the form, and nowhere else, with keys."""
    person = rights.person_of(request)
    repository = rights.repository_to_read(request, slug)
    form = FreshCredentialForm(request.POST or None, may_upload=rights.may_upload(request, repository))
    index = index_url(request, repository)
    context = {"repository": repository, "index": index, "cards": cards(index, slug=slug), "form": form}
    seen = outlook(repository, rights.visitor_of(request), rights.identity_of(request))
    context["anybody_reads"] = Action.READ in seen.anybody
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        made, secret = credentials.create_credential(
            repositories=[slug],
            user=person.username,
            upload=given.get("upload", False),
            expires=given["expires"],
            comment=given["comment"],
            actor=rights.actor_of(request),
        )
        context["made"] = made
        context["cards"] = cards(index, slug=slug, access_key=made.access_key, secret_key=secret)
    return render(request, "web/repositories/set_up.html", context)
