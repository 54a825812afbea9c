"""The pages that say that something did not work, in the style of the house and in plain words."""

from __future__ import annotations

from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from localshop.errors import TooManyTries


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 -- Django names it.
    """400: the request is malformed, or asks for a host that is not ours."""
    sentence = "Your browser sent something that cannot be answered."
    return _page(request, 400, "That was not understood", sentence)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 -- Django names it.
    """403: logged in, but without the right."""
    sentence = "This is not for you. An administrator, or an owner of the repository, can change that."
    return _page(request, 403, "You may not do that", sentence)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 -- Django calls it so.
    """403: a form that was not sent from a page of ours, or from one that is too old."""
    sentence = "The form was too old, or did not come from here. Go back, reload the page, send it once more."
    return _page(request, 403, "Please try once more", sentence)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    said = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    sentence = said or "The address may be mistyped, or the page is gone."
    return _page(request, 404, "There is nothing here", sentence)


def too_many(request: HttpRequest, error: TooManyTries) -> HttpResponse:
    """429: too many passwords were wrong."""
    answer = _page(request, 429, "Please wait a little", error.sentence)
    answer["Retry-After"] = str(error.retry_after)
    return answer


def failed(request: HttpRequest) -> HttpResponse:
    """500: our fault."""
    sentence = "That was our fault, not yours. What happened is in the server's log."
    return _page(request, 500, "Something went wrong", sentence)


def _page(request: HttpRequest, status: int, title: str, sentence: str) -> HttpResponse:
    # The page says who is logged in. Django has it made in whatever thread is free, and looks after the
    # database only in the thread of the request: this one may hold a connection that broke meanwhile,
    # and would hold the one that it opens for ever.
    close_old_connections()
    try:
        return render(request, "web/error.html", {"title": title, "sentence": sentence}, status=status)
    finally:
        close_old_connections()
