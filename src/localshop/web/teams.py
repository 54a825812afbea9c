"""Teams: administrators make and change them, members look at their own."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from localshop.catalog import repositories
from localshop.catalog import teams as known
from localshop.catalog.models import User
from localshop.errors import BadInput

from . import rights
from .forms.teams import MemberForm, NameForm, RoleForm

_SUGGESTED = 500
"""More names than these are not suggested to who types one."""


@require_http_methods(["GET", "HEAD", "POST"])
def teams(request: HttpRequest) -> HttpResponse:
    """All teams for administrators, who can make one; one's own for everybody else."""
    if request.method == "POST":
        rights.need_administrator(request)
    person = rights.person_of(request)
    form = NameForm(request.POST or None, auto_id="new_%s")
    if form.is_valid():
        try:
            made = known.create_team(form.cleaned_data["name"], actor=rights.actor_of(request))
        except BadInput as error:
            form.add_error("name", error.sentence)
        else:
            messages.success(request, f"The team {made.name} is made. Now say who belongs to it.")
            return redirect("team", made.id)
    found = known.every_team() if person.administrator else known.teams_of(person.id)
    return render(request, "web/teams/list.html", {"teams": found, "form": form})


@require_GET
def team(request: HttpRequest, team_id: int) -> HttpResponse:
    """One team, for its members and for administrators, who can change everything about it."""
    return _page(request, team_id)


@require_POST
def rename(request: HttpRequest, team_id: int) -> HttpResponse:
    """Call it otherwise."""
    form = NameForm(request.POST, auto_id="team_%s")

    def act() -> str:
        renamed = known.rename_team(team_id, form.cleaned_data["name"], actor=rights.actor_of(request))
        return f"The team is called {renamed.name} now."

    return _change(request, team_id, act, form=form, field="name")


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, team_id: int) -> HttpResponse:
    """Ask, and delete it; its members keep what other teams allow them."""
    rights.need_administrator(request)
    found = _existing(team_id)
    if request.method != "POST":
        return render(request, "web/teams/delete.html", {"team": found})
    known.delete_team(team_id, actor=rights.actor_of(request))
    messages.success(request, f"The team {found.name} is deleted, and so are its roles.")
    return redirect("teams")


@require_POST
def add_member(request: HttpRequest, team_id: int) -> HttpResponse:
    """Let somebody belong to it."""
    return _change_member(request, team_id, known.add_member, done="belongs to the team.")


@require_POST
def remove_member(request: HttpRequest, team_id: int) -> HttpResponse:
    """Let somebody no more belong to it."""
    return _change_member(request, team_id, known.remove_member, done="does not belong to the team any more.")


@require_POST
def set_role(request: HttpRequest, team_id: int) -> HttpResponse:
    """Give it a role in a repository, or take its role there."""
    if request.POST.get("role") == "none":
        return _take_role(request, team_id)
    form = _role_form(request)

    def act() -> str:
        slug, role = form.cleaned_data["repository"], form.cleaned_data["role"]
        known.set_role(team_id, slug, role, actor=rights.actor_of(request))
        return f"In the repository {slug}, the members are {role}s now."

    return _change(request, team_id, act, form=form, field="repository")


def _change_member(
    request: HttpRequest, team_id: int, change: Callable[..., object], *, done: str
) -> HttpResponse:
    form = MemberForm(request.POST, auto_id="member_%s")

    def act() -> str:
        username = form.cleaned_data["username"]
        change(team_id, username, actor=rights.actor_of(request))
        return f"{username} {done}"

    return _change(request, team_id, act, form=form, field="username")


def _take_role(request: HttpRequest, team_id: int) -> HttpResponse:
    rights.need_administrator(request)
    _existing(team_id)
    slug = request.POST.get("repository", "")
    try:
        known.set_role(team_id, slug, None, actor=rights.actor_of(request))
    except BadInput as error:
        messages.error(request, error.sentence)
    else:
        messages.success(request, f"The team has no role in the repository {slug} any more.")
    return redirect("team", team_id)


def _change(
    request: HttpRequest, team_id: int, act: Callable[[], str], *, form: forms.Form, field: str
) -> HttpResponse:
    """Do what an administrator filled in, and go back to the team; or show him what is wrong with it."""
    rights.need_administrator(request)
    _existing(team_id)
    if form.is_valid():
        try:
            messages.success(request, act())
        except BadInput as error:
            form.add_error(field, error.sentence)
        else:
            return redirect("team", team_id)
    return _page(request, team_id, form)


def _page(request: HttpRequest, team_id: int, wrong: forms.Form | None = None) -> HttpResponse:
    person = rights.person_of(request)
    # Who may not see a team is not told either whether there is one.
    if not person.administrator and team_id not in {one.id for one in known.teams_of(person.id)}:
        raise PermissionDenied
    found = _existing(team_id)
    shown: dict[str, object] = {"team": found}
    if person.administrator:
        shown |= {
            "name_form": NameForm(initial={"name": found.name}, auto_id="team_%s"),
            "member_form": MemberForm(auto_id="member_%s"),
            "role_form": _role_form(),
            "usernames": User.objects.filter(is_active=True)
            .exclude(username__in=found.members)
            .order_by("username")
            .values_list("username", flat=True)[:_SUGGESTED],
        }
        names = {NameForm: "name_form", MemberForm: "member_form", RoleForm: "role_form"}
        if wrong is not None:
            shown[names[type(wrong)]] = wrong
    return render(request, "web/teams/team.html", shown)


def _role_form(request: HttpRequest | None = None) -> RoleForm:
    slugs = [one.slug for one in repositories.every_repository()]
    return RoleForm(request.POST if request is not None else None, repositories=slugs, auto_id="role_%s")


def _existing(team_id: int) -> known.TeamRecord:
    try:
        return known.team(team_id)
    except BadInput as error:
        raise Http404(error.sentence) from None
