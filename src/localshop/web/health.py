"""The two addresses that monitors ask."""

from __future__ import annotations

from django.db import connection
from django.db.utils import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def alive(_request: HttpRequest) -> HttpResponse:
    """Answer as long as the process does."""
    return HttpResponse("alive\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


@require_safe
def ready(_request: HttpRequest) -> HttpResponse:
    """Say whether requests can be served: the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT access FROM catalog_state")
            database = cursor.fetchone() is not None
    except Error:
        database = False
    answer = JsonResponse({"database": database}, status=200 if database else 503)
    answer["Cache-Control"] = "no-store"
    return answer
