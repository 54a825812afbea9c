"""What every template knows: where one is, and what one may do."""

from __future__ import annotations

from django.http import HttpRequest

from localshop import __version__

from .rights import is_administrator, may_own_any


def page(request: HttpRequest) -> dict[str, object]:
    """For ``web/base.html``."""
    match = request.resolver_match
    return {
        "here": match.url_name if match is not None else "",
        "is_administrator": is_administrator(request),
        "is_owner": lambda: may_own_any(request),
        "localshop_version": __version__,
    }
