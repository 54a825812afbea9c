"""Coming and going: login, logout, one's own profile."""

from __future__ import annotations

from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from . import rights


class LoginForm(AuthenticationForm):
    """Name and password; the answer is the same whichever of them was wrong."""

    error_messages = {
        "invalid_login": "That name and password do not belong together.",
        "inactive": "That name and password do not belong together.",
    }


class Login(views.LoginView):
    """The login page. ``next`` leads to a path of this host only (Django checks it)."""

    template_name = "web/accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True


class Logout(views.LogoutView):
    """Ends the session; only by POST, so that no link can do it."""


@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    """Who one is here."""
    identity = rights.identity_of(request)
    if identity is None:
        raise rights.LoginNeeded
    return render(request, "web/accounts/profile.html", {"person": identity.user})
