"""``localshop upgrade`` from every schema there ever was, on all nodes at once, and killed in the middle."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import localshop.catalog.migrations
from command_line import CommandLine
from databases import sqlite_only
from servers import until

MIGRATIONS = sorted(path.stem for path in Path(localshop.catalog.migrations.__path__[0]).glob("0*.py"))

# One process makes them all: a database of the first schema with a row in each table of then, migrated
# step by step. After each it waits until somebody has made a copy.
_MAKE = """
import sys
import django
django.setup()
from django.db import connection, transaction
from localshop.catalog import migrating

def value(name, kind, size):
    if kind in ("BooleanField", "BinaryField"):
        return True if kind == "BooleanField" else b"default"
    if kind.endswith("IntegerField") or kind in ("AutoField", "BigAutoField", "FloatField"):
        return 1
    if kind == "DateTimeField":
        return "2026-01-01 00:00:00"
    if kind == "JSONField" or name in ("entry", "detail", "payload", "body"):
        return "{}"
    return "[]" if name in ("reserved", "file_hosts") else "default"[:size]

def fill(cursor, table):
    columns = connection.introspection.get_table_description(cursor, table)
    kind = connection.introspection.get_field_type
    row = {one.name: value(one.name, kind(one.type_code, one), one.display_size) for one in columns}
    named, marks = ", ".join(row), ", ".join("%s" for _ in row)
    cursor.execute(f"INSERT INTO {table} ({named}) VALUES ({marks})", list(row.values()))
    if connection.vendor == "postgresql":
        # As if the row had got its number in the way that all others do.
        cursor.execute(f"SELECT nextval(pg_get_serial_sequence('{table}', 'id'))")

names = sys.argv[1:]
migrating.migrate(until=names[0])
with transaction.atomic(), connection.cursor() as cursor:
    for table in connection.introspection.table_names(cursor):
        # Django's own groups and permissions have no rows.
        if table.startswith("catalog_") and not table.startswith("catalog_user_"):
            fill(cursor, table)
for name in names:
    migrating.migrate(until=name)
    connection.close()
    print(name, flush=True)
    sys.stdin.readline()
"""
# Each copy is upgraded as the command does it; a process for each would take a minute.
_UPGRADE = """
import sys
import django
django.setup()
from django.db import connection
from localshop.catalog import migrating
from localshop.catalog.models import Credential, File, Project, Repository, User

for name in sys.argv[1:]:
    connection.close()
    connection.settings_dict["NAME"] = name
    with migrating.alone():
        migrating.migrate()
    assert migrating.pending() == [] == migrating.unknown()
    for model in (Repository, User, Credential, Project, File):
        assert model.objects.count() == 1, (name, model)
    connection.check_constraints()
    # What a sequence gives next is free.
    Project.objects.create(repository=Repository.objects.get(), name="another")
    print(name)
connection.close()
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

migration, old, new, file = sys.argv[1:]
connection.settings_dict["NAME"] = old
dump.apps = MigrationExecutor(connection).loader.project_state(("catalog", migration)).apps
with open(file, "wb") as out:
    dump.write(out, using="default", beat=lambda: None)
connection.close()
connection.settings_dict["NAME"] = new
migrating.migrate(until=migration)
with open(file, "rb") as lines:
    dump.load(lines, names={"default": "where/it/is"}, passwords=True)
migrating.migrate()
for model in (Repository, User, Credential, Project, File):
    assert model.objects.count() == 1, model
file, = File.objects.select_related("blob")
assert (file.created.year, file.blob.name) == (2026, "where/it/is")
assert list(Team.objects.get().members.all()) == [User.objects.get()]
connection.check_constraints()
Project.objects.create(repository=Repository.objects.get(), name="another")
connection.close()
print("came back")
"""


def start(localshop, code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env=localshop.environ(DJANGO_SETTINGS_MODULE="localshop.settings"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """What it said until it ended well."""
    said, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, ""), errors
    return said


@pytest.fixture(scope="module")
def schemas(tmp_path_factory):
    """A home with a database of each schema, by its newest migration."""
    place = tmp_path_factory.mktemp("schemas")
    maker = CommandLine(place / "maker")
    maker.home.mkdir(0o700)
    with open(maker.home / "secret_key", "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as key:
        key.write(secrets.token_urlsafe(48))
    homes = {}
    process = start(maker, _MAKE, *MIGRATIONS)
    for name in MIGRATIONS:
        assert process.stdout.readline() == f"{name}\n", process.communicate()[1]
        homes[name] = maker.copied_to(place / name)
        process.stdin.write("\n")
        process.stdin.flush()
    finish(process)
    return homes


@pytest.fixture
def first(schemas, tmp_path):
    """A home as the first version of all left it."""
    return schemas[MIGRATIONS[0]].copied_to(tmp_path / "home")


def made(localshop):
    """How many migrations of ours were made."""
    [[found]] = localshop.database.execute("SELECT COUNT(*) FROM django_migrations WHERE app = 'catalog'")
    return found


def test_from_every_schema_there_ever_was(schemas, tmp_path):
    """Whoever skipped ten versions gets here in one step, with all that he had."""
    copies = [one.copied_to(tmp_path / name).database.name for name, one in schemas.items()]
    upgrading = start(schemas[MIGRATIONS[0]], _UPGRADE, *copies)
    assert finish(upgrading).split() == copies


@pytest.mark.parametrize("migration", [MIGRATIONS[0], MIGRATIONS[len(MIGRATIONS) // 2]])
def test_a_backup_of_an_older_version_comes_back(schemas, tmp_path, migration):
    """A tape of last year is of use to the program of today."""
    old, new = schemas[migration], CommandLine(tmp_path / "new")
    new.home.mkdir()
    new.database.make()
    names = (old.database.name, new.database.name)
    assert finish(start(old, _OLD_BACKUP, migration, *names, str(tmp_path / "dump"))) == "came back\n"


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


@sqlite_only("PostgreSQL is copied by its own means")
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


def test_an_older_program_refuses_a_newer_database(schemas, tmp_path):
    """Somebody who goes back a version must not write into tables that he does not understand."""
    localshop = schemas[MIGRATIONS[-1]].copied_to(tmp_path / "home")
    localshop.database.execute(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('catalog', '9999_future', '2030-01-01')"
    )
    for command in (["serve", "--bind", "127.0.0.1:0"], ["worker"], ["upgrade"]):
        assert "newer localshop than this one" in localshop.bad(*command)
    found = {one["slug"]: one["level"] for one in localshop.run("doctor", "--json").json}
    assert found["too-old"] == "problem"


def test_a_newer_program_refuses_an_older_database(first):
    """It names the command that puts it right."""
    for command in (["serve", "--bind", "127.0.0.1:0"], ["backup", "x"]):
        assert "localshop upgrade" in first.bad(*command)
