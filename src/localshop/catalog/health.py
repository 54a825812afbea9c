"""What the database itself, and what is written in it, says about how things stand."""

from __future__ import annotations

import sqlite3

from django.db import DatabaseError, OperationalError, connection

from .models import UpstreamPage

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
