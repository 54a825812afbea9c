"""Users: administrators make them, shut them out and let them do everything."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from localshop.catalog import people
from localshop.catalog.journal import Actor
from localshop.catalog.models import User
from localshop.errors import BadInput

from . import rights
from .forms.users import UserForm

_ON_A_PAGE = 100


@require_http_methods(["GET", "HEAD", "POST"])
def users(request: HttpRequest) -> HttpResponse:
    """All users, and a form for one more."""
    rights.need_administrator(request)
    form = UserForm(request.POST or None, auto_id="new_%s")
    if form.is_valid():
        made_up = "" if form.cleaned_data["password"] else secrets.token_urlsafe(15)
        try:
            user = people.create_user(
                form.cleaned_data["username"],
                password=made_up or form.cleaned_data["password"],
                administrator=form.cleaned_data["administrator"],
                email=form.cleaned_data["email"],
                actor=rights.actor_of(request),
            )
        except BadInput as error:
            form.add_error("username", error.sentence)
        else:
            # Not redirected: the password is kept nowhere, so this answer is the only one that has it.
            return render(request, "web/accounts/made.html", {"made": user, "password": made_up})
    rows = User.objects.order_by("username").prefetch_related("teams")
    page = Paginator(rows, _ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "web/accounts/users.html", {"page": page, "form": form})


@require_POST
def change(request: HttpRequest, user_id: int) -> HttpResponse:
    """Disable, enable, promote or demote somebody; ``do`` says which."""
    rights.need_administrator(request)
    act = _CHANGES.get(request.POST.get("do", ""))
    if act is None:
        return HttpResponseBadRequest("There is no such change.", content_type="text/plain")
    user = get_object_or_404(User, id=user_id)
    try:
        messages.success(request, act(user.username, rights.actor_of(request)))
    except BadInput as error:
        messages.error(request, error.sentence)
    # Who has just disabled himself, or is no administrator any more, may not see the list.
    return redirect("start" if user_id == rights.person_of(request).id else "users")


def _disable(name: str, actor: Actor) -> str:
    people.set_active(name, active=False, actor=actor)
    return f"{name} is shut out, with all his credentials."


def _enable(name: str, actor: Actor) -> str:
    people.set_active(name, active=True, actor=actor)
    return f"{name} may come in again."


def _promote(name: str, actor: Actor) -> str:
    people.set_administrator(name, administrator=True, actor=actor)
    return f"{name} is an administrator now."


def _demote(name: str, actor: Actor) -> str:
    people.set_administrator(name, administrator=False, actor=actor)
    return f"{name} is no administrator any more."


_CHANGES: dict[str, Callable[[str, Actor], str]] = {
    "disable": _disable,
    "enable": _enable,
    "promote": _promote,
    "demote": _demote,
}
