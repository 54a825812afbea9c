"""Setting up and upgrading by the command line, and what it says when it cannot."""

from __future__ import annotations

import ast
import sqlite3
import stat
from pathlib import Path

import pytest

from command_line import CommandLine
from databases import sqlite_only
from localshop import __version__


@pytest.fixture
def localshop(tmp_path):
    return CommandLine(tmp_path / "below" / "home")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def everything(home):
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_init_makes_a_home_for_its_owner_only_and_a_second_one_changes_nothing(localshop):
    """A guessable password, a readable key, or an edited file overwritten would each be a disaster."""
    home = localshop.home

    first = localshop("init")
    password = first.pop("password")
    assert first == {
        "home": str(home),
        "index_url": "http://127.0.0.1:8000/repo/default/",
        "username": "admin",
        "created": True,
    }
    assert len(password) >= 20
    assert mode(home) == 0o700
    before = everything(home)
    assert {path.name for path in before} >= {"secret_key", "localshop.conf.py", "Procfile"}
    assert {mode(path) for path in before} == {0o600}
    contents = [*before.values(), localshop.database.content()]
    assert not [content for content in contents if password.encode() in content]
    ours = Path(__file__).parents[2] / "Procfile"
    assert (home / "Procfile").read_text() == ours.read_text()
    assert ast.parse((home / "localshop.conf.py").read_text()).body == []

    (home / "Procfile").write_text("mine\n")
    again = localshop("init", "--username", "other")
    assert again == {**first, "password": None, "created": False}
    assert (home / "Procfile").read_text() == "mine\n"
    assert (home / "secret_key").read_bytes() == before[home / "secret_key"]
    assert localshop("user", "list") == [{"username": "admin", "administrator": True, "enabled": True}]
    told = localshop.good("init").out
    assert "already" in told
    assert str(home) in told


def test_init_takes_names_passwords_and_first_values_from_where_they_are_given(localshop, tmp_path):
    """For a person, a script, and a container whose password comes in the environment."""
    said = localshop.run("init", "--username", "root", "--password", "short").err
    assert "weak" in said
    assert "short" not in said.replace("too short", "")

    other = CommandLine(tmp_path / "other")
    settings = {
        "LOCALSHOP_ADMIN_PASSWORD": "correct horse battery staple",
        "LOCALSHOP_SECRET_KEY": "k3y-" * 4 + "0123456789abcdefghij",
        "LOCALSHOP_UPSTREAM_URL": "http://ann:pa55wordmarker@mirror.example.com/simple",
        "LOCALSHOP_FRESH_SECONDS": "30",
        "LOCALSHOP_RELEASE_OVERWRITE": "yes",
        "LOCALSHOP_MOUNT_PATH": "/shop",
        "LOCALSHOP_BIND": "0.0.0.0:9000",
    }
    made = other.good("init", "--json", **settings).json
    assert made["index_url"] == "http://127.0.0.1:9000/shop/repo/default/"
    assert (made["password"], made["created"]) == (None, True)
    assert not (other.home / "secret_key").exists()
    contents = [*everything(other.home).values(), other.database.content()]
    assert not [content for content in contents if b"pa55wordmarker" in content]
    assert other.good("repository", "show", "default", "--json", **settings).json == {
        "slug": "default",
        "upstreams": ["http://ann@mirror.example.com/simple/"],
        "miss": "redirect",
        "fresh": 30,
        "reserved": [],
        "overwrite": True,
        "members_only": False,
    }
    # Without its key it says so, and is not beyond help.
    assert "LOCALSHOP_SECRET_KEY" in other.bad("repository", "list")
    assert other("repository", "edit", "default", "--no-upstream")["upstreams"] == []


def test_two_that_set_up_one_home_at_once_agree(localshop):
    """Two containers that start together on one volume."""
    running = [localshop.start("init", "--json") for _ in range(3)]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in running]
    assert [(err, code) for _, err, code in ended] == [("", 0)] * 3
    assert sum('"created": true' in out for out, _, _ in ended) == 1
    assert [one["slug"] for one in localshop("repository", "list")] == ["default"]


def test_upgrade_does_something_only_when_there_is_something_to_do(localshop):
    """A migration that was forgotten must not be the end of what was there."""
    assert "localshop init" in localshop.bad("upgrade")
    localshop("init")
    assert localshop("upgrade") == {"migrations": [], "copy": None, "removed": []}
    assert "nothing" in localshop.good("upgrade").out
    localshop.good("migrate", "sessions", "zero", "--verbosity", "0")

    assert "localshop upgrade" in localshop.bad("repository", "list")
    assert "localshop upgrade" in localshop.bad("createsuperuser")
    assert localshop("init")["created"] is False
    assert localshop("upgrade")["migrations"] == ["sessions.0001_initial"]
    assert len(localshop("repository", "list")) == 1


@sqlite_only("a database of PostgreSQL is copied by PostgreSQL's own means")
def test_upgrade_copies_the_database_aside(initialised):
    """A migration that goes wrong must not be the end of what was there, either."""
    localshop = initialised
    localshop.good("migrate", "sessions", "zero", "--verbosity", "0")
    said = localshop("upgrade")
    (copy,) = localshop.home.glob("localshop.sqlite3.before-*")
    assert said["copy"] == str(copy)
    assert copy.name.startswith(f"localshop.sqlite3.before-{__version__}-")
    assert mode(copy) == 0o600
    with sqlite3.connect(f"file:{copy}?mode=ro&immutable=1", uri=True) as database:
        assert database.execute("SELECT slug FROM catalog_repository").fetchall() == [("default",)]
        assert not database.execute("SELECT * FROM sqlite_master WHERE name = 'django_session'").fetchall()
    database.close()


@pytest.mark.parametrize(
    "arguments", [("repository", "list"), ("worker",), ("jobs", "wait", "--json"), ("createsuperuser",)]
)
def test_a_command_on_no_home_says_what_to_run_and_makes_nothing(localshop, arguments):
    """A typing error in LOCALSHOP_HOME must not leave homes about."""
    sentence = localshop.bad(*arguments)
    assert "`localshop init`" in sentence
    assert str(localshop.home) in sentence
    assert not localshop.home.parent.exists()


def test_wrong_usage_exits_2_and_help_needs_no_home(localshop):
    """Scripts tell a mistake of theirs from one of the data by the exit code."""
    assert "Did you mean `repository`" in localshop.bad("repositry", code=2)
    assert "usage: localshop init" in localshop.bad("init", "--nonsense", code=2)
    assert localshop.good("--version").out == f"{__version__}\n"
    listed = localshop.good("help").out
    assert localshop.good().out == listed
    for name in ("init", "upgrade", "serve", "worker", "repository", "cidr", "credential", "user", "jobs"):
        assert f"\n  {name} " in listed
    assert "createsuperuser" in listed
    assert localshop.good("help", "cidr").out == localshop.good("cidr", "--help").out


def test_a_bad_setting_or_place_is_told_in_one_sentence(localshop, tmp_path):
    """With the setting and the value in it, and without a traceback."""
    sentence = localshop.bad("init", LOCALSHOP_FRESH_SECONDS="soon")
    assert "LOCALSHOP_FRESH_SECONDS" in sentence
    assert "'soon'" in sentence
    assert not localshop.home.exists()
    warned = localshop.run("init", "--json", LOCALSHOP_FRESH_SECNDS="3")
    assert warned.code == 0
    assert warned.json["created"]
    assert warned.err.count("LOCALSHOP_FRESH_SECNDS") == warned.err.count("\n") == 1
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in CommandLine(tmp_path / "file" / "home").bad("init")
    unreachable = "postgresql://ann:pa55wordmarker@127.0.0.1:1/none"
    sentence = localshop.bad("repository", "list", LOCALSHOP_DATABASE_URL=unreachable)
    assert "database" in sentence.lower()
    assert "pa55wordmarker" not in sentence


def test_djangos_commands_work_on_our_tables(initialised):
    """`createsuperuser` and `shell` are what people know; another project's settings do not get in."""
    localshop = initialised
    made = localshop.good(
        "createsuperuser", "--noinput", "--username", "eve", "--email", "eve@example.com",
        DJANGO_SUPERUSER_PASSWORD="correct horse battery staple",
        DJANGO_SETTINGS_MODULE="somebody.elses",
    )  # fmt: skip
    assert "created" in made.out
    counted = "from localshop.catalog.models import User; print(User.objects.count())"
    assert localshop.good("shell", "--verbosity", "0", "-c", counted).out == "2\n"
    assert localshop.good("check").out.startswith("System check identified no issues")


@pytest.mark.parametrize(
    ("storage", "options", "told"),
    [
        ("no.such.Storage", "", "No module named 'no'"),
        ("storages.backends.s3.S3Storage", '{"bucket": "packages"}', "Invalid setting 'bucket'"),
        ("storages.backends.s3.S3Storage", "", "no bucket_name"),
    ],
)
def test_a_storage_that_cannot_be_had_is_told_before_anything_is_made(localshop, storage, options, told):
    """Processes that die one after the other tell nobody what to do."""
    environ = {"LOCALSHOP_DISTRIBUTION_STORAGE": storage, "LOCALSHOP_STORAGE_OPTIONS": options}
    sentence = localshop.bad("serve", "--bind", "127.0.0.1:0", **environ)
    assert "LOCALSHOP_DISTRIBUTION_STORAGE" in sentence
    assert told in sentence
    assert "`localshop init`" in localshop.bad("repository", "list")


@pytest.mark.parametrize("command", ["worker", "run_gunicorn"])
def test_so_is_it_by_the_others_that_open_it(initialised, command):
    sentence = initialised.bad(command, LOCALSHOP_DISTRIBUTION_STORAGE="no.such.Storage")
    assert "No module named 'no'" in sentence
