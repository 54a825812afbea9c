"""The tables of this installation: whether they are there and current, how they are changed and copied."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from localshop import __version__
from localshop.catalog import repositories
from localshop.config import Config
from localshop.errors import BadInput


def ensure_ready(config: Config) -> None:
    """Raise ``BadInput``, with what to do about it, unless commands can work with this database."""
    if not is_initialised():
        raise BadInput(f"There is no localshop in {config.home} yet: run `localshop init`.")
    if pending():
        raise BadInput(
            "The database is of an older localshop than this one: stop what is running, then run "
            "`localshop upgrade`."
        )


def is_initialised() -> bool:
    """Whether ``init`` or the first ``serve`` has come to its end with this database."""
    # Looking into a SQLite file that is not there would make it.
    if connection.vendor == "sqlite" and not _file().exists():
        return False
    if "catalog_repository" not in connection.introspection.table_names():
        return False
    return repositories.is_there(repositories.DEFAULT)


def pending() -> list[str]:
    """Give the migrations that are still to be made, in order, each ``app.name``."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def migrate() -> None:
    """Bring the tables to what this version needs."""
    call_command("migrate", interactive=False, verbosity=0)


def copy_aside(now: datetime) -> Path | None:
    """Copy a SQLite database to a file beside it and give its path; None for other databases.

    SQLite's own backup reads one consistent state, also while others write, and takes in what is
    only in the write-ahead log yet.
    """
    if connection.vendor != "sqlite":
        return None
    source = _file()
    target = source.with_name(f"{source.name}.before-{__version__}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        # One file, that can be put back by copying it; the log's mode would leave others beside it.
        new.execute("PRAGMA journal_mode=DELETE")
    return target


def _file() -> Path:
    return Path(connection.settings_dict["NAME"])
