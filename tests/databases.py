"""The databases of the homes that tests start: a file of SQLite in each, or one of its own in PostgreSQL.

``LOCALSHOP_TEST_DATABASE_URL`` names a database of a PostgreSQL that others may be made beside. With it,
this process and every home have one there, which ``localshop`` is told of as users would tell it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from django.core.management import call_command
from django.db import transaction

SERVER = os.environ.get("LOCALSHOP_TEST_DATABASE_URL", "")
"""Empty: tests run on SQLite."""
PATIENCE = 30
"""Seconds that a look into a database waits for those who write to it."""

_place = tempfile.TemporaryDirectory(prefix="localshop-template-")
_run = secrets.token_hex(4)
_names = (f"localshop_{_run}_{number}" for number in count())
_MIGRATE = (
    "import os, django\n"
    # As the command line does it: a database is its owner's only.
    "os.umask(0o077)\n"
    "django.setup()\n"
    "from django.db import connection\n"
    "from localshop.catalog import migrating\n"
    "migrating.migrate()\n"
    "connection.close()\n"
)


def sqlite_only(reason):
    """Mark a test of what there is on SQLite only."""
    return _skipped(bool(SERVER), reason)


def postgresql_only(reason):
    """Mark a test of what there is on PostgreSQL only."""
    return _skipped(not SERVER, reason)


def _skipped(where, reason):
    # Benchmarks start homes as well, and have no pytest.
    import pytest

    return pytest.mark.skipif(where, reason=reason)


class Sqlite:
    """The file in a home."""

    def __init__(self, home):
        self.path = home / "localshop.sqlite3"
        self.name = str(self.path)
        self.environ = {}
        """What a process has to be told to work on it."""

    def make(self):
        """It is made by whoever opens it."""

    def make_tables(self):
        """Have the tables of today in it, and no rows of ours."""
        shutil.copy(_template().path, self.path)

    def copied_to(self, home):
        """The database of a copy of the home; the file has come with it."""
        return Sqlite(home)

    def execute(self, statement, *values):
        """Run a statement, whose values stand as ``%s``; the rows that it gives."""
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as database, database:
            return database.execute(statement.replace("%s", "?"), values).fetchall()

    def content(self):
        """All of it, in which one may look for what must not be there."""
        return b"".join(path.read_bytes() for path in self.path.parent.glob(f"{self.path.name}*"))

    @contextmanager
    def held(self):
        """Somebody has it for himself; gives a function that lets go before the end."""
        with closing(sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)) as database:
            database.execute("BEGIN EXCLUSIVE")
            yield lambda: database.execute("ROLLBACK")

    def drop(self):
        """It goes with its home."""


class Postgresql:
    """A database of its own for a home, made when it is first wanted."""

    def __init__(self):
        self.name = next(_names)
        self._made = False

    @property
    def environ(self):
        """What a process has to be told to work on it."""
        self.make()
        return {"LOCALSHOP_DATABASE_URL": self.url}

    def make(self):
        """Have it there, with nothing in it, unless it is there."""
        if not self._made:
            self._make("template0")

    @property
    def url(self):
        return urlsplit(SERVER)._replace(path=f"/{self.name}").geturl()

    def make_tables(self):
        """Have the tables of today in it, and no rows of ours."""
        self._make(_template().name)

    def copied_to(self, home):
        """The database of a copy of the home. Nobody may be connected to this one."""
        other = Postgresql()
        other._make(self.name)
        return other

    def execute(self, statement, *values):
        """Run a statement, whose values stand as ``%s``; the rows that it gives."""
        with _connection(self.url) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def content(self):
        """All of it, in which one may look for what must not be there."""
        with _connection(self.url) as connection:
            return b"".join(piece for table in _tables(connection) for piece in _copied(connection, table))

    @contextmanager
    def held(self):
        """Somebody has it for himself; gives a function that lets go before the end."""
        with _connection(self.url) as connection:
            # Of all locks that leave readers alone the one that bars the most.
            connection.execute(f"LOCK TABLE {', '.join(_tables(connection))} IN EXCLUSIVE MODE")
            yield connection.rollback

    def drop(self):
        """Let go of it, whoever is connected."""
        if self._made:
            _administer(f"DROP DATABASE {self.name} WITH (FORCE)")
            self._made = False

    def _make(self, template):
        # Copied as files: to write all of it into the log first takes three times as long.
        _administer(f"CREATE DATABASE {self.name} TEMPLATE {template} STRATEGY file_copy")
        self._made = True


_of_homes = {}


def database_of(home):
    """The database of this home, with nothing in it until somebody makes something of it."""
    if home not in _of_homes:
        _of_homes[home] = Postgresql() if SERVER else Sqlite(home)
    return _of_homes[home]


def copy_database(home, other):
    """Have another home begin with what is in the database of this one."""
    _of_homes[other] = database_of(home).copied_to(other)


def empty(connection):
    """Delete all rows of ours, and let numbers begin at 1 again; ``connection`` is Django's."""
    if not SERVER:
        # Without what Django notes down after migrating, permissions that nothing here asks for.
        call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
        return
    with transaction.atomic(), connection.cursor() as cursor:
        names = [name for name in connection.introspection.table_names(cursor) if name != "django_migrations"]
        cursor.execute(
            " UNION ALL ".join(f"(SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name}))" for name in names)
        )
        # To truncate them, as Django does, makes the files of all tables anew, which takes 40 ms.
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {name}")
        cursor.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) FROM pg_sequences"
            " WHERE last_value IS NOT NULL"
        )


def drop_databases(place):
    """Drop those of all homes below a directory."""
    for home in [home for home in _of_homes if home.is_relative_to(place)]:
        _of_homes.pop(home).drop()


@cache
def _template():
    """A database with the tables of today, which is migrated once in a process of pytest."""
    home = Path(_place.name)
    database = database_of(home)
    environ = {
        "LOCALSHOP_HOME": str(home),
        "LOCALSHOP_SECRET_KEY": "of-no-use-" + "0123456789" * 3,
        "DJANGO_SETTINGS_MODULE": "localshop.settings",
        "PATH": os.environ["PATH"],
        **database.environ,
    }
    subprocess.run([sys.executable, "-W", "error", "-c", _MIGRATE], env=environ, cwd="/", check=True)
    return database


def _tables(connection):
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return [name for (name,) in found]


def _copied(connection, table):
    with connection.cursor().copy(f"COPY {table} TO STDOUT") as rows:
        yield from (bytes(row) for row in rows)


def _administer(statement):
    with closing(_connect(SERVER, autocommit=True)) as connection:
        connection.execute(statement)


@contextmanager
def _connection(url):
    """One transaction, which is committed in the end."""
    with _connect(url) as connection:
        yield connection


def _connect(url, **more):
    # Only who tests with PostgreSQL needs its driver.
    import psycopg

    return psycopg.connect(url, **more)
