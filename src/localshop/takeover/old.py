"""The tables of the old localshop, of all its versions, as values.

Up to 0.9 (``packages_package``, ``permissions_cidr``, ``permissions_credential``, ``auth_user``) there was
one index, and credentials were a user's. From 2.0 on there are ``packages_repository``, which networks and
credentials belong to, and ``accounts_user``, ``accounts_team``, ``accounts_teammember``,
``accounts_accesskey``. Which columns there are depends on the version; what is not there is empty.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localshop.errors import BadInput

Row = Mapping[str, Any]
"""A row by column."""


@dataclass(frozen=True, slots=True)
class OldFile:
    """A file of a release, with what is said above it."""

    id: int
    repository: int
    package: str
    local: bool
    version: str
    filename: str
    place: str
    """Below the directory of the files, as the database has it; from outside, so it may lead anywhere."""
    md5: str
    url: str
    requires_python: str
    created: datetime | None
    username: str


class Old:
    """One old database, open."""

    def __init__(self, database: sqlite3.Connection) -> None:
        database.row_factory = sqlite3.Row
        # Python 2 wrote whatever came.
        database.text_factory = lambda text: text.decode("utf-8", errors="replace")
        self._database = database
        found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        self.tables = {str(row["name"]) for row in found}

    @property
    def has_repositories(self) -> bool:
        """Whether it is of 2.0 or newer."""
        return "packages_repository" in self.tables

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, each by column; none when there is no such table."""
        if table not in self.tables:
            return []
        return [dict(row) for row in self._database.execute(f'SELECT * FROM "{table}" ORDER BY id')]  # noqa: S608

    def users(self) -> list[Row]:
        """The people: from 2.0 on in a table of its own, which the old one was copied to."""
        return self.rows("accounts_user") or self.rows("auth_user")

    def files(self) -> Iterator[OldFile]:
        """Every file of a release whose release and package are there, in the order in which they came."""
        packages = {row["id"]: row for row in self.rows("packages_package")}
        releases = {row["id"]: row for row in self.rows("packages_release")}
        names = {row["id"]: text(row, "username") for row in self.users()}
        for row in self.rows("packages_releasefile"):
            release = releases.get(row["release_id"])
            package = packages.get(release["package_id"]) if release is not None else None
            if release is None or package is None:
                continue
            place = text(row, "distribution")
            yield OldFile(
                id=row["id"],
                repository=package.get("repository_id") or 0,
                package=text(package, "name"),
                local=bool(package["is_local"]),
                version=text(release, "version"),
                filename=text(row, "filename") or place.rpartition("/")[2],
                place=place,
                md5=text(row, "md5_digest").lower(),
                url=text(row, "url").partition("#")[0],
                requires_python=text(row, "requires_python"),
                created=moment(row.get("created")),
                username=names.get(row.get("user_id") or release.get("user_id"), ""),
            )

    def orphans(self) -> int:
        """How many rows of files belong to no release, or one that belongs to no package."""
        return len(self.rows("packages_releasefile")) - sum(1 for _ in self.files())


@contextmanager
def opened(path: Path) -> Iterator[Old]:
    """Open the copy of an old database."""
    try:
        with closing(sqlite3.connect(path)) as database:
            yield Old(database)
    except sqlite3.Error as error:
        raise BadInput(f"The old database {path} cannot be read: {error}.") from None


def text(row: Row, column: str) -> str:
    """What stands in a column; nothing where there is none."""
    value = row.get(column)
    return "" if value is None else str(value).strip()


def moment(value: object) -> datetime | None:
    """A point in time as Django wrote it for SQLite, in UTC; None for none, or what cannot be read."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def key(value: object) -> str | None:
    """A key of a credential, 32 hex digits; None for what is none."""
    try:
        return uuid.UUID(str(value)).hex
    except ValueError:
        return None
