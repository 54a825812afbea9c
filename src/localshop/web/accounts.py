"""Coming and going: login, logout, one's own profile and password."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash, views
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.http import base36_to_int
from django.views.decorators.http import require_http_methods, require_safe

from localshop import config
from localshop.catalog import guessing, people, teams
from localshop.catalog.journal import Actor, note
from localshop.catalog.models import User
from localshop.errors import TooManyTries

from . import rights
from .errors import too_many
from .forms.users import ForgottenForm

_APART = 30
"""Seconds by which the clocks of several machines may differ."""


class LoginForm(AuthenticationForm):
    """Name and password; the answer is the same whichever of them was wrong."""

    error_messages = {
        "invalid_login": "That name and password do not belong together.",
        "inactive": "That name and password do not belong together.",
    }
    remember = forms.BooleanField(required=False, label="Remember me on this computer")

    def clean(self) -> dict[str, Any]:
        """Look at the password, unless too many were wrong already; raises ``TooManyTries``."""
        request, name = self.request, self.cleaned_data.get("username")
        if request is None or not name or not self.cleaned_data.get("password"):
            return super().clean()
        address, now = rights.address_of(request), time.time()
        guessing.check(name, address=address, now=now)
        try:
            return super().clean()
        except forms.ValidationError:
            guessing.failed(name, address=address, now=now)
            raise


class Login(views.LoginView):
    """The login page. ``next`` leads to a path of this host only (Django checks it)."""

    template_name = "web/accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Offer a link by mail only where there is mail."""
        return super().get_context_data(**kwargs, mail_works=bool(config.current().email_url))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take a name and a password, but not one after another."""
        try:
            return super().post(request, *args, **kwargs)
        except TooManyTries as error:
            return too_many(request, error)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Let him in: until his browser is closed, unless he wants to be remembered."""
        answer = super().form_valid(form)
        note(
            "login",
            Actor(form.get_user().get_username(), rights.address_of(self.request)),
            at=datetime.now(UTC),
        )
        if not form.cleaned_data["remember"]:
            self.request.session.set_expiry(0)
        return answer


class Logout(views.LogoutView):
    """Ends the session; only by POST, so that no link can do it."""


@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    """Who one is here."""
    person = rights.person_of(request)
    return render(
        request, "web/accounts/profile.html", {"person": person, "teams": teams.teams_of(person.id)}
    )


@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Change one's own password, with the old one. All other sessions end."""
    person = rights.person_of(request)
    user = request.user
    assert isinstance(user, User)
    form = PasswordChangeForm(user, request.POST or None)
    try:
        valid = _valid_and_not_guessed(request, form)
    except TooManyTries as error:
        return too_many(request, error)
    if valid:
        people.set_password(
            person.username, form.cleaned_data["new_password1"], actor=rights.actor_of(request)
        )
        user.refresh_from_db()
        # This session goes on under another key; the others carry the old password's mark.
        update_session_auth_hash(request, user)
        messages.success(request, "Your password is changed, and you are logged out everywhere else.")
        return redirect("profile")
    return render(request, "web/accounts/password.html", {"form": form})


def _valid_and_not_guessed(request: HttpRequest, form: PasswordChangeForm) -> bool:
    """Whoever finds a browser open must not find the password out, either; raises ``TooManyTries``."""
    name, address, now = str(form.user), rights.address_of(request), time.time()
    if form.is_bound:
        guessing.check(name, address=address, now=now)
    valid = form.is_valid()
    if "old_password" in form.errors and form.data.get("old_password"):
        guessing.failed(name, address=address, now=now)
    return valid


class _Tokens(PasswordResetTokenGenerator):
    """What stands in a link for a new password."""

    def check_token(self, user: User | None, token: str | None) -> bool:
        """Whether it is good. One of the future is not: it was made while the clock ran ahead."""
        if not token or not super().check_token(user, token):
            return False
        made = base36_to_int(token.partition("-")[0])
        return made <= self._num_seconds(self._now()) + _APART


class _ByMail:
    """A page that is there only when localshop can send mail."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer, if there is mail."""
        if not config.current().email_url:
            raise Http404("This localshop sends no mail. Ask an administrator for a new password.")
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return answer


_TOKENS = _Tokens()


class Forgotten(_ByMail, views.PasswordResetView):
    """Where one asks for a link by mail."""

    template_name = "web/accounts/forgotten.html"
    email_template_name = "web/accounts/mail.txt"
    subject_template_name = "web/accounts/subject.txt"
    form_class = ForgottenForm
    success_url = reverse_lazy("password-sent")
    token_generator = _TOKENS


class Sent(_ByMail, views.PasswordResetDoneView):
    """Says that a link is on its way, if there is such a person."""

    template_name = "web/accounts/sent.html"


class Reset(_ByMail, views.PasswordResetConfirmView):
    """Where the link leads: once, and for three days."""

    template_name = "web/accounts/reset.html"
    token_generator = _TOKENS
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password as every other change of it, and let him log in with it."""
        name, address = form.user.username, rights.address_of(self.request)
        people.set_password(name, form.cleaned_data["new_password1"], actor=Actor(name, address))
        # It is of no more use: the link was made of the old password.
        self.request.session.flush()
        messages.success(self.request, "Your password is changed. Log in with it.")
        return redirect("login")
