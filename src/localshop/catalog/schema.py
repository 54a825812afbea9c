"""The tables of this installation: whether they are there and current, how they are changed and copied."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from django.db import DatabaseError, connection

from localshop import __version__
from localshop.catalog import migrating, repositories
from localshop.config import Config
from localshop.errors import BadInput
from localshop.storage.disk import sync_file

RESTORING = "restore-unfinished"
"""A file in the home while a restore runs, and after one that was cut."""
_found_ready = False


def ensure_ready(config: Config) -> None:
    """Raise ``BadInput``, with what to do about it, unless commands can work with this database."""
    ensure_not_restoring(config.home)
    if not is_initialised():
        raise BadInput(f"There is no localshop in {config.home} yet: run `localshop init`.")
    ensure_not_newer()
    if migrating.pending():
        raise BadInput(
            "The database is of an older localshop than this one: stop what is running, then run "
            "`localshop upgrade`."
        )
    global _found_ready  # noqa: PLW0603 - a database is looked at once for all processes that are forked.
    _found_ready = True


def why_not_ready(config: Config) -> str | None:
    """Give the sentence of ``ensure_ready`` in a process that no command of ours has started; None: go on.

    A database that is away says nothing against its tables, and comes back.
    """
    if _found_ready:
        return None
    try:
        ensure_ready(config)
    except BadInput as error:
        return error.sentence
    except DatabaseError:
        return None
    finally:
        # Opened in a thread that nothing else will use, or before a fork.
        connection.close()
    return None


def ensure_not_restoring(home: Path) -> None:
    """Raise ``BadInput`` while a restore has not come to its end: what is still to come would be lost."""
    if (home / RESTORING).exists():
        raise BadInput(
            f"A restore into {home} runs, or was cut: run `localshop restore` again. To begin with an empty "
            f"localshop instead, delete {home / RESTORING}."
        )


def ensure_not_newer() -> None:
    """Raise ``BadInput`` if a newer program has changed the tables: this one would read them wrongly."""
    unknown = migrating.unknown()
    if unknown:
        raise BadInput(
            f"The database is of a newer localshop than this one ({__version__}): it has seen {unknown[-1]}. "
            "Install that version again, or restore a copy from before its upgrade."
        )


def is_initialised() -> bool:
    """Whether ``init`` or the first ``serve`` has come to its end with this database."""
    # Looking into a SQLite file that is not there would make it.
    if connection.vendor == "sqlite" and not _file().exists():
        return False
    if "catalog_repository" not in connection.introspection.table_names():
        return False
    return repositories.is_there(repositories.DEFAULT)


def copy_aside(now: datetime) -> Path | None:
    """Copy a SQLite database to a file beside it and give its path; None for other databases.

    SQLite's own backup reads one consistent state, also while others write, and takes in what is
    only in the write-ahead log yet.
    """
    if connection.vendor != "sqlite":
        return None
    source = _file()
    target = source.with_name(f"{source.name}.before-{__version__}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    unfinished = source.with_name(f"{source.name}.copying")
    # One that was killed has left it; only one process at a time is here.
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(unfinished)) as new,
    ):
        old.backup(new)
        # One file, that can be put back by copying it; the log's mode would leave others beside it.
        new.execute("PRAGMA journal_mode=DELETE")
    sync_file(unfinished)
    # Only what is whole has the name of a copy.
    unfinished.replace(target)
    sync_file(target.parent)
    return target


def remove_old_copies(*, keep: int) -> list[str]:
    """Remove the copies of a SQLite database that `copy_aside` made, but for the newest; tells which went."""
    if connection.vendor != "sqlite":
        return []
    source = _file()
    copies = sorted(source.parent.glob(f"{source.name}.before-*"), key=lambda path: path.stat().st_mtime)
    gone = copies[:-keep]
    for path in gone:
        path.unlink()
    return [path.name for path in gone]


def _file() -> Path:
    return Path(connection.settings_dict["NAME"])
