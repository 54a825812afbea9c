"""Permissions by address: the networks of each repository, and what a change of them means for oneself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from localshop.catalog import networks as rows
from localshop.catalog.records import NetworkRecord, RepositoryRecord
from localshop.errors import BadInput

from . import rights
from .forms.networks import NetworkForm
from .outlook import Change, Outlook, compare, outlook


@dataclass(frozen=True, slots=True)
class Rules:
    """The networks of one repository, the smallest first, and what they mean for the visitor."""

    repository: RepositoryRecord
    networks: Sequence[NetworkRecord]
    outlook: Outlook


@require_safe
def networks(request: HttpRequest) -> HttpResponse:
    """The rules of every repository that one owns."""
    owned = rights.owned(request)
    if not owned and not rights.is_administrator(request):
        raise PermissionDenied
    visitor, identity = rights.visitor_of(request), rights.identity_of(request)
    found = [
        Rules(one, sorted(one.networks, key=_smallest_first), outlook(one, visitor, identity))
        for one in owned
    ]
    return render(request, "web/networks/list.html", {"found": found, "visitor": visitor})


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, slug: str) -> HttpResponse:
    """Add a rule."""
    repository = rights.repository_to_own(request, slug)
    form = NetworkForm(request.POST or None, others=[rule.network for rule in repository.networks])
    return _fill_in(request, repository, form, known=None)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, network: str) -> HttpResponse:
    """Change a rule, also to one for another network."""
    repository = rights.repository_to_own(request, slug)
    known = _rule(repository, network)
    form = NetworkForm(
        request.POST or None,
        others=[rule.network for rule in repository.networks if rule != known],
        initial={
            "network": str(known.network),
            "credentials": "yes" if known.credentials else "no",
            "upload": known.upload,
            "label": known.label,
        },
    )
    return _fill_in(request, repository, form, known=known)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, slug: str, network: str) -> HttpResponse:
    """Ask, and remove a rule."""
    repository = rights.repository_to_own(request, slug)
    known = _rule(repository, network)
    change = _compare(request, repository, [rule for rule in repository.networks if rule != known])
    if request.method != "POST" or (change.warnings and "confirm" not in request.POST):
        context = {"repository": repository, "rule": known, "change": change, **_here(request)}
        return render(request, "web/networks/delete.html", context)
    rows.remove_network(slug, str(known.network), actor=rights.actor_of(request))
    messages.success(request, f"The rule of {slug} for {known.network} is removed.")
    return redirect("networks")


def _fill_in(
    request: HttpRequest, repository: RepositoryRecord, form: NetworkForm, *, known: NetworkRecord | None
) -> HttpResponse:
    """Show the form; save it when that is asked for, and confirmed where there is a warning."""
    change: Change | None = None
    if request.method == "POST" and form.is_valid():
        rule = form.rule()
        change = _compare(request, repository, [*(one for one in repository.networks if one != known), rule])
        confirmed = form.cleaned_data["confirm"] or not change.warnings
        if "check" not in request.POST and confirmed:
            try:
                _save(request, repository.slug, rule, known=known)
            except BadInput as error:
                # Somebody else was quicker.
                form.add_error(None, error.sentence)
            else:
                messages.success(request, f"The rule of {repository.slug} for {rule.network} is saved.")
                return redirect("networks")
    context = {"repository": repository, "form": form, "rule": known, "change": change, **_here(request)}
    return render(request, "web/networks/form.html", context)


def _save(request: HttpRequest, slug: str, rule: NetworkRecord, *, known: NetworkRecord | None) -> None:
    actor = rights.actor_of(request)
    if known is not None:
        rows.replace_network(slug, str(known.network), rule, actor=actor)
        return
    rows.add_network(
        slug,
        str(rule.network),
        credentials=rule.credentials,
        upload=rule.upload,
        label=rule.label,
        actor=actor,
    )


def _compare(request: HttpRequest, repository: RepositoryRecord, after: Sequence[NetworkRecord]) -> Change:
    visitor, identity = rights.visitor_of(request), rights.identity_of(request)
    return compare(repository, visitor, identity, networks=after)


def _here(request: HttpRequest) -> dict[str, object]:
    return {"visitor": rights.visitor_of(request)}


def _rule(repository: RepositoryRecord, network: str) -> NetworkRecord:
    try:
        wanted = rows.parse_network(network)
    except BadInput as error:
        raise Http404(error.sentence) from None
    for rule in repository.networks:
        if rule.network == wanted:
            return rule
    raise Http404(f"{repository.slug} has no rule for {wanted}.")


def _smallest_first(rule: NetworkRecord) -> tuple[int, int, int]:
    network = rule.network
    return network.version, -network.prefixlen, int(network.network_address)
