"""What every page for people gets: headers that keep it safe, and the way to the login."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware

from .rights import LoginNeeded

Next = Callable[[HttpRequest], HttpResponse]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere and nothing inline: text of a package that slips through runs nothing."""


class SecureCookiesMiddleware:
    """Lets no cookie that was set over TLS go out without it.

    Django decides this once, for all requests; we serve TLS through a proxy that may not be told of
    by ``LOCALSHOP_PUBLIC_URL``, and plain http on an intranet. The front door knows which it is.
    """

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and mark the cookies."""
        response = self._get_response(request)
        if request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response


class HostMiddleware(CommonMiddleware):
    """Refuses hosts that are not ours, but to monitors: they ask containers and pods by their addresses."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        """Look at the host, and at slashes that are missing."""
        return None if request.path_info.startswith("/-/") else super().process_request(request)


class PagesMiddleware:
    """Sets the headers of pages, and turns ``LoginNeeded`` into the login page."""

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the headers of a page."""
        response = self._get_response(request)
        response.setdefault("Content-Security-Policy", POLICY)
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        # What a person sees depends on who he is and where he sits.
        response.setdefault("Cache-Control", "private, no-store")
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Send whoever could see the page after a login to the login, and back afterwards."""
        if isinstance(exception, LoginNeeded):
            return redirect_to_login(request.get_full_path())
        return None
