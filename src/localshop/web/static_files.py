"""The stylesheet, the scripts and the icon, served out of the package."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """whitenoise, which streams a file in a way that Django warns of under ASGI; ours are small."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """Answer with the whole file, or with the part that was asked for."""
        found = static_file.get_response(request.method, request.META)
        body, headers = b"", dict(found.headers)
        if found.file is not None:
            with found.file as file:
                body = file.read()
            # Not as it was at the start: an upgrade may have put another file there since.
            headers["Content-Length"] = str(len(body))
        return HttpResponse(body, status=int(found.status), headers=headers)
