"""What the database itself, and what is written in it, says about how things stand."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from django.db import DatabaseError, OperationalError, connection
from django.db.models import Count, OuterRef, Subquery, Sum

from .models import Blob, File, Project, Upstream, UpstreamPage
from .records import SwappedRecord, UpstreamState

WAL_RESET_MENDED = (3, 51, 3)
"""Before it, a write beside a checkpoint can damage an SQLite file; see ``catalog.sqlite.base``."""


def engine() -> tuple[str, bool]:
    """The database's name and version, and whether it has the fault of ``WAL_RESET_MENDED``."""
    if connection.vendor == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}", sqlite3.sqlite_version_info < WAL_RESET_MENDED
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}", False


def damage() -> list[str]:
    """What a look through the whole file finds wrong with an SQLite database, ten things at the most."""
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            cursor.execute("SELECT 1")
            return []
        try:
            cursor.execute("PRAGMA quick_check(10)")
            return [row[0] for row in cursor.fetchall() if row[0] != "ok"]
        except OperationalError:
            # It is busy, or cannot be read now.
            raise
        except DatabaseError as error:
            # "Malformed": so much so that the look itself fails.
            return [str(error)]


def stale_pages() -> tuple[int, str]:
    """How many pages could not be refreshed when that was last tried, and why the latest could not."""
    rows = UpstreamPage.objects.exclude(error="").order_by("-checked")
    latest = rows.values_list("error", flat=True).first()
    return rows.count(), latest or ""


def upstreams() -> list[UpstreamState]:
    """How each upstream answered when it was last asked; those that were never asked are left out."""
    last = UpstreamPage.objects.filter(upstream=OuterRef("id")).order_by("-checked")
    rows = Upstream.objects.select_related("repository").annotate(
        asked=Subquery(last.values("checked")[:1]), why=Subquery(last.values("error")[:1])
    )
    return [
        UpstreamState(repository=row.repository.slug, url=row.url, asked=row.asked, error=row.why)
        for row in rows.order_by("repository__slug", "position")
        if row.asked is not None
    ]


def swapped_files(repositories: Collection[int] | None = None, *, most: int) -> list[SwappedRecord]:
    """Stored files that their upstream announces with other bytes now; None: of all repositories."""
    rows = File.objects.exclude(announced="")
    if repositories is not None:
        rows = rows.filter(repository__in=repositories)
    # Asked for an order at once, SQLite would go through all files instead of the index of these.
    found = File.objects.filter(id__in=rows.values("id")).order_by("-id")[:most]
    return [SwappedRecord(*row) for row in found.values_list("repository__slug", "project__name", "filename")]


def numbers() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What the tables hold, as metrics (``observe.metrics``)."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for kind, amount in Project.objects.values_list("kind").annotate(all=Count("id")).order_by("kind"):
        found["projects", (("kind", kind or "undecided"),)] = amount
    stored = Blob.objects.aggregate(files=Count("id"), bytes=Sum("size"))
    states = [one.down for one in upstreams()]
    return found | {
        ("stored_files", ()): stored["files"],
        ("stored_bytes", ()): stored["bytes"] or 0,
        ("upstreams", (("state", "up"),)): states.count(False),
        ("upstreams", (("state", "down"),)): states.count(True),
        ("stale_pages", ()): UpstreamPage.objects.exclude(error="").count(),
        ("changed_digests", ()): File.objects.exclude(announced="").count(),
        ("database_bytes", ()): size(),
    }


def size() -> int:
    """How many bytes the database takes."""
    statement = (
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        if connection.vendor == "sqlite"
        else "SELECT pg_database_size(current_database())"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])
