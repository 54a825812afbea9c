"""``localshop doctor``: each thing that can be wrong is named, with what to do; nothing else is."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from command_line import CommandLine
from databases import SERVER, postgresql_only, sqlite_only

ALWAYS = {"versions", "home", "database", "jobs", "storage"}
HARMLESS = {"sqlite-fault", "little-room"}
"""What depends on the machine that the tests run on."""


@pytest.fixture
def localshop(initialised, upstream):
    """A home that reads from the fake upstream."""
    initialised.database.execute("UPDATE catalog_upstream SET url = %s", upstream.url)
    return initialised


def diagnose(localshop, **environ):
    """The exit code, and what was found by slug."""
    ended = localshop.run("doctor", "--json", **environ)
    assert "Traceback" not in ended.err
    found = {}
    for one in ended.json:
        assert list(one) == ["level", "slug", "sentence", "advice"]
        assert one["sentence"]
        assert one["level"] == "ok" or one["advice"]
        found.setdefault(one["slug"], one)
    for slug in HARMLESS:
        if found.get(slug, {"level": "problem"})["level"] == "note":
            del found[slug]
    return ended.code, found


def problems(found):
    return {slug for slug, one in found.items() if one["level"] == "problem"}


def test_a_healthy_installation_is_told_as_such(localshop, upstream):
    """And nothing about it is changed."""
    before = {path: path.stat().st_mtime_ns for path in localshop.home.glob("*") if path.is_file()}

    code, found = diagnose(localshop)

    assert code == 0
    assert set(found) == {*ALWAYS, "upstream", "clock"}
    assert {one["level"] for one in found.values()} == {"ok"}
    assert upstream.url in found["upstream"]["sentence"]
    assert "Django" in found["versions"]["sentence"]
    assert ("PostgreSQL" if SERVER else sqlite3.sqlite_version) in found["database"]["sentence"]
    assert upstream.count() == 1
    after = {path: path.stat().st_mtime_ns for path in before}
    assert after == before
    assert list((localshop.home / "files").rglob("*/*/*")) == []
    text = localshop.good("doctor").out
    assert text.startswith("ok       versions: localshop ")


def test_without_a_home_or_tables_it_says_where_it_looked(tmp_path):
    localshop = CommandLine(tmp_path / "nothing")
    code, found = diagnose(localshop)
    assert (code, problems(found)) == (1, {"not-set-up"})
    assert str(tmp_path / "nothing") in found["not-set-up"]["sentence"]
    assert not (tmp_path / "nothing").exists()

    localshop.home.mkdir(mode=0o700)
    code, found = diagnose(localshop)
    assert (code, problems(found)) == (1, {"not-set-up", "no-secret-key"})


@pytest.mark.parametrize(
    ("fault", "slug"),
    [
        ({"status": 503}, "upstream-unavailable"),
        ({"status": 401}, "upstream-denied"),
        (None, "upstream-unavailable"),
    ],
)
def test_an_upstream_that_does_not_serve_us_is_named(localshop, upstream, fault, slug):
    if fault is None:
        upstream.stop()
    else:
        upstream.fault("/simple/*", **fault)

    code, found = diagnose(localshop)

    assert (code, problems(found)) == (1, {slug})
    assert upstream.url in found[slug]["sentence"]


@pytest.mark.parametrize(("hours", "level"), [(2, "problem"), (-2, "problem"), (0.03, "note")])
def test_a_clock_that_is_wrong_is_noticed(localshop, upstream, hours, level):
    """Credentials would expire too early or too late, and pages never become stale."""
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    upstream.fault("/simple/*", headers={"Date": date})

    code, found = diagnose(localshop)

    assert found["clock-wrong"]["level"] == level
    assert code == (level == "problem")
    assert ("behind" if hours > 0 else "ahead of") in found["clock-wrong"]["sentence"]


def test_offline_nobody_is_asked(localshop, upstream):
    code, found = diagnose(localshop, LOCALSHOP_OFFLINE="true")

    assert code == 0
    assert set(found) == {*ALWAYS, "offline"}
    assert upstream.count() == 0


def test_what_others_can_reach_is_named(localshop):
    """A settings file has passwords in it, and whoever writes into the home runs code as its owner."""
    localshop.home.chmod(0o755)
    code, found = diagnose(localshop)
    assert (code, found["open-to-others"]["level"]) == (0, "note")

    localshop.home.chmod(0o777)
    assert problems(diagnose(localshop)[1]) == {"open-to-others"}

    localshop.home.chmod(0o700)
    (localshop.home / "localshop.conf.py").chmod(0o644)
    code, found = diagnose(localshop)
    assert (code, problems(found)) == (1, {"open-to-others"})
    assert "localshop.conf.py has mode 644" in found["open-to-others"]["sentence"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_home_of_another_user_is_named(localshop):
    """Files that root makes there cannot be read by the server afterwards."""
    os.chown(localshop.home, 65534, -1)

    assert problems(diagnose(localshop)[1]) == {"home-of-another"}


def test_settings_that_are_none_or_too_open_are_named(localshop):
    code, found = diagnose(localshop, LOCALSHOP_OFLINE="true", LOCALSHOP_TRUSTED_PROXIES="10.0.0.1,0.0.0.0/0")

    assert (code, problems(found)) == (1, {"anybody-trusted"})
    assert "LOCALSHOP_OFFLINE" in found["setting-ignored"]["sentence"]


def test_a_proxy_that_nobody_told_of_is_named_until_somebody_does(localshop):
    marker = localshop.home / "untold-proxy"
    marker.touch(mode=0o600)
    assert problems(diagnose(localshop)[1]) == {"untold-proxy"}
    assert problems(diagnose(localshop, LOCALSHOP_TRUSTED_PROXIES="127.0.0.1")[1]) == set()
    then = time.time() - 8 * 86_400
    os.utime(marker, (then, then))
    assert problems(diagnose(localshop)[1]) == set()


def test_what_went_wrong_meanwhile_is_told(localshop):
    """Jobs that failed or that nobody does, pages that are stale, parts that were left, lost bytes."""
    home = localshop.home
    localshop.good(
        "shell", "--verbosity", "0", "-c",
        "from django.utils.timezone import now\n"
        "from localshop.catalog.models import *\n"
        "Job(name='mirror-file', key='mirror-file 7', state='failed', error='gone\\x1b[2J').save()\n"
        "Job(name='mirror-file', key='mirror-file 8', run_after=1.0).save()\n"
        "one = Repository.objects.get()\n"
        "project = Project.objects.create(repository=one, name='demo')\n"
        "UpstreamPage(project=project, upstream=one.upstreams.get(), changed=now(), checked=now(),\n"
        "    error='It answered 503.').save()\n"
        "secret = Project.objects.create(repository=one, name='secret', kind='private')\n"
        "File(repository=one, project=secret, filename='secret-1.0.tar.gz', path='a', sha256='0' * 64,\n"
        "    entry={}, pinned=True).save()",
    )  # fmt: skip
    part = home / "files" / ".tmp" / "left.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(b"part")
    then = time.time() - 90_000
    os.utime(part, (then, then))
    (home / "verify.json").touch()

    code, found = diagnose(localshop)

    assert code == 1
    assert problems(found) == {"job-failed", "files-lost"}
    notes = {slug for slug, one in found.items() if one["level"] == "note"}
    assert notes == {"jobs-wait", "stale-pages", "parts-left", "check-interrupted"}
    assert "It answered 503." in found["stale-pages"]["sentence"]
    assert "default: secret-1.0.tar.gz" in found["files-lost"]["sentence"]
    assert "\x1b" not in localshop.run("doctor").out


def test_a_database_of_an_older_version_is_named(localshop):
    newest = "SELECT max(name) FROM django_migrations WHERE app = 'catalog'"
    localshop.database.execute(f"DELETE FROM django_migrations WHERE name = ({newest})")

    code, found = diagnose(localshop)

    assert (code, problems(found)) == (1, {"not-upgraded"})
    assert "upgrade" in found["not-upgraded"]["advice"]


@postgresql_only("a file is damaged instead")
def test_a_database_that_does_not_answer_is_named(localshop):
    """With what the server says of it."""
    localshop.database.drop()
    code, found = diagnose(localshop, LOCALSHOP_DATABASE_URL=localshop.database.url)
    assert (code, problems(found)) == (1, {"database-unreachable"})
    assert "does not exist" in found["database-unreachable"]["sentence"]


@sqlite_only("it is PostgreSQL that looks after its files")
def test_a_damaged_database_is_named(localshop):
    """Before it is served from, and before the backups are replaced by its copies."""
    path = localshop.database.path
    with closing(sqlite3.connect(path)) as connection:
        [[page]] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'catalog_file' AND type = 'table'"
        ).fetchall()
        [[size]] = connection.execute("PRAGMA page_size").fetchall()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    code, found = diagnose(localshop)
    assert (code, problems(found)) == (1, {"database-damaged"})

    path.write_bytes(b"this is no database at all" * 1000)
    code, found = diagnose(localshop)
    assert (code, problems(found)) == (1, {"database-unreachable"})


def test_a_storage_that_cannot_be_written_is_named(localshop):
    files = localshop.home / "files"
    shutil.rmtree(files, ignore_errors=True)
    files.write_text("not a directory")

    assert problems(diagnose(localshop)[1]) == {"storage-error"}


def test_a_secret_key_that_is_another_one_is_named(localshop):
    """Passwords of upstreams can no longer be read, and pages would fail one after the other."""
    localshop.good("repository", "create", "team", "--upstream", "http://ann:password@127.0.0.1:9/simple/")

    code, found = diagnose(localshop, LOCALSHOP_SECRET_KEY="another-one-" + "0123456789abcdef" * 3)

    assert (code, problems(found)) == (1, {"bad-setting"})
    assert "password" in found["bad-setting"]["sentence"]
