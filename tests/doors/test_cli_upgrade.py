"""``localshop upgrade`` from every schema there ever was, on all nodes at once, and killed in the middle."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import localshop.catalog.migrations
from command_line import CommandLine
from servers import until

MIGRATIONS = sorted(path.stem for path in Path(localshop.catalog.migrations.__path__[0]).glob("0*.py"))

# One process makes them all: a database of the first schema with a row in each table of then, migrated
# step by step, and copied at each step.
_MAKE = """
import shutil, sys
import django
django.setup()
from django.db import connection, transaction
from localshop.catalog import migrating

def value(name, kind):
    kind = kind.lower()
    if kind.split("(")[0].split()[0] in ("bigint", "integer", "bool", "real", "smallint"):
        return 1
    if kind == "blob":
        return b"default"
    if kind == "datetime":
        return "2026-01-01 00:00:00"
    if name in ("entry", "detail", "payload", "body"):
        return "{}"
    return "[]" if name in ("reserved", "file_hosts") else "default"

place, *names = sys.argv[1:]
migrating.migrate(until=names[0])
with transaction.atomic(), connection.cursor() as cursor:
    for table in connection.introspection.table_names(cursor):
        # Django's own groups and permissions have no rows.
        if table.startswith("catalog_") and not table.startswith("catalog_user_"):
            columns = cursor.execute(f"PRAGMA table_info({table})").fetchall()
            row = {one[1]: value(one[1], one[2]) for one in columns}
            named, marks = ", ".join(row), ", ".join("%s" for _ in row)
            cursor.execute(f"INSERT INTO {table} ({named}) VALUES ({marks})", list(row.values()))
for name in names:
    migrating.migrate(until=name)
    connection.close()
    shutil.copy(connection.settings_dict["NAME"], f"{place}/{name}.sqlite3")
"""
# Each copy is upgraded as the command does it; a process for each would take a minute.
_UPGRADE = """
import sys
import django
django.setup()
from django.db import connection
from localshop.catalog import migrating
from localshop.catalog.models import Credential, File, Project, Repository, User

place, *names = sys.argv[1:]
for name in names:
    connection.close()
    connection.settings_dict["NAME"] = f"{place}/{name}.sqlite3"
    with migrating.alone():
        migrating.migrate()
    assert migrating.pending() == [] == migrating.unknown()
    for model in (Repository, User, Credential, Project, File):
        assert model.objects.count() == 1, (name, model)
    connection.check_constraints()
    print(name)
"""
# A backup that an older program took, as that wrote it; then it is brought back by this one.
_OLD_BACKUP = """
import sys
import django
django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from localshop.catalog import dump, migrating
from localshop.catalog.models import Credential, File, Project, Repository, Team, User

place, *names = sys.argv[1:]
for name in names:
    connection.close()
    connection.settings_dict["NAME"] = f"{place}/{name}.sqlite3"
    dump.apps = MigrationExecutor(connection).loader.project_state(("catalog", name)).apps
    with open(f"{place}/dump", "wb") as out:
        dump.write(out, using="default", beat=lambda: None)
    connection.close()
    connection.settings_dict["NAME"] = f"{place}/{name}.restored.sqlite3"
    migrating.migrate(until=name)
    with open(f"{place}/dump", "rb") as lines:
        dump.load(lines, names={"default": "where/it/is"}, passwords=True)
    migrating.migrate()
    for model in (Repository, User, Credential, Project, File):
        assert model.objects.count() == 1, (name, model)
    file, = File.objects.select_related("blob")
    assert (file.created.year, file.blob.name) == (2026, "where/it/is")
    assert list(Team.objects.get().members.all()) == [User.objects.get()]
    connection.check_constraints()
    print(name)
"""


def python(home, code, *arguments):
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env=CommandLine(home).environ(DJANGO_SETTINGS_MODULE="localshop.settings"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def schemas(tmp_path_factory):
    """A directory with a database of each schema."""
    place, home = tmp_path_factory.mktemp("schemas"), tmp_path_factory.mktemp("home")
    python(home, _MAKE, str(place), *MIGRATIONS)
    return place


@pytest.fixture
def localshop(tmp_path):
    made = CommandLine(tmp_path / "home")
    made.home.mkdir(0o700)
    with open(made.home / "secret_key", "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as key:
        key.write(secrets.token_urlsafe(48))
    return made


@pytest.fixture
def first(localshop, schemas):
    """A home as the first version of all left it."""
    shutil.copy(schemas / f"{MIGRATIONS[0]}.sqlite3", localshop.home / "localshop.sqlite3")
    return localshop


def made(localshop):
    """How many migrations of ours were made."""
    try:
        with closing(
            sqlite3.connect(f"file:{localshop.home}/localshop.sqlite3?mode=ro", uri=True)
        ) as database:
            return database.execute(
                "SELECT COUNT(*) FROM django_migrations WHERE app = 'catalog'"
            ).fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def test_from_every_schema_there_ever_was(schemas, tmp_path):
    """Whoever skipped ten versions gets here in one step, with all that he had."""
    copies = tmp_path / "copies"
    shutil.copytree(schemas, copies)
    assert python(tmp_path, _UPGRADE, str(copies), *MIGRATIONS).split() == MIGRATIONS


def test_a_backup_of_an_older_version_comes_back(schemas, tmp_path):
    """A tape of last year is of use to the program of today."""
    copies = tmp_path / "copies"
    shutil.copytree(schemas, copies)
    some = [MIGRATIONS[0], MIGRATIONS[len(MIGRATIONS) // 2]]
    assert python(tmp_path, _OLD_BACKUP, str(copies), *some).split() == some


def test_on_every_node_at_once(first):
    """Containers start together; one of them upgrades, and none fails."""
    running = [first.start("upgrade", "--json") for _ in range(3)]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in running]
    assert [(err, code) for _, err, code in ended] == [("", 0)] * 3
    assert sum(f"catalog.{MIGRATIONS[-1]}" in out for out, _, _ in ended) == 1
    assert [one["username"] for one in first("user", "list")] == ["default"]


@pytest.mark.parametrize("after", [2, 9])
def test_killed_in_the_middle_and_run_again(first, after):
    """A migration is made whole or not at all, so the next run goes on where this one ended."""
    process = first.start("upgrade")
    until(lambda: made(first) >= after or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert made(first) < len(MIGRATIONS)
    assert "localshop upgrade" in first.bad("repository", "list")
    assert f"catalog.{MIGRATIONS[-1]}" in first("upgrade")["migrations"]
    assert [one["username"] for one in first("user", "list")] == ["default"]


def test_only_the_newest_copies_stay(first):
    """A database that is copied with every upgrade must not fill the disk in the end."""
    old = [first.home / f"localshop.sqlite3.before-2.{number}" for number in range(5)]
    for path in old:
        path.touch()
    said = first("upgrade")
    copies = {path.name for path in first.home.glob("localshop.sqlite3.before-*")}
    assert len(copies) == 3
    assert Path(said["copy"]).name in copies
    assert len(said["removed"]) == 3


def test_an_older_program_refuses_a_newer_database(localshop, schemas):
    """Somebody who goes back a version must not write into tables that he does not understand."""
    shutil.copy(schemas / f"{MIGRATIONS[-1]}.sqlite3", localshop.home / "localshop.sqlite3")
    with closing(sqlite3.connect(localshop.home / "localshop.sqlite3")) as database, database:
        values = ("catalog", "9999_future", "2030-01-01")
        database.execute("INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, ?)", values)
    for command in (["serve", "--bind", "127.0.0.1:0"], ["worker"], ["upgrade"]):
        assert "newer localshop than this one" in localshop.bad(*command)
    found = {one["slug"]: one["level"] for one in localshop.run("doctor", "--json").json}
    assert found["too-old"] == "problem"


def test_a_newer_program_refuses_an_older_database(first):
    """It names the command that puts it right."""
    for command in (["serve", "--bind", "127.0.0.1:0"], ["backup", "x"]):
        assert "localshop upgrade" in first.bad(*command)
