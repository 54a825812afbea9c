"""The commands that look after what is stored, as processes: what they say, and how they end."""

from __future__ import annotations

import json
import os
import re
import signal
import time

import pytest

_MAKE = """
from localshop import config
from localshop.shop import open_shop
import asyncio, sys
sys.path.insert(0, {tests!r})
from distributions import wheel
from stored_files import make_private
async def main():
    shop = open_shop(config.current())
    for n in range({count}):
        await shop.run(make_private, shop, wheel(f"secret-{{n}}", "1.0", size={size}))
    await shop.close()
asyncio.run(main())
"""


@pytest.fixture
def localshop(initialised):
    """A home that was just set up, with an upstream that is not there."""
    initialised.database.execute("UPDATE catalog_upstream SET url = %s", "http://127.0.0.1:1/simple/")
    return initialised


@pytest.fixture
def private(localshop, request):
    """Have some private files in the home; gives their paths."""

    def make(count, size=10_000):
        tests = str(request.config.rootpath / "tests")
        code = _MAKE.format(tests=tests, count=count, size=size)
        localshop.good("shell", "--verbosity", "0", "-c", code)
        return sorted((localshop.home / "files").glob("[0-9a-f]*/*/*"))

    return make


def test_a_store_in_order_is_told_as_such(localshop, private):
    paths = private(2)

    found = localshop("verify")

    size = sum(path.stat().st_size for path in paths)
    assert found == {"checked": 2, "bytes": size, "findings": [], "orphans": []}
    assert localshop.good("verify").out.startswith("2 stored files were checked, ")
    assert "All are right." in localshop.good("verify", "--repair").out
    assert not (localshop.home / "verify.json").exists()


def test_damage_ends_with_1_and_names_the_files(localshop, private):
    """A script that runs it by night wakes somebody up."""
    rotten, gone, _ = private(3)
    rotten.write_bytes(b"rot")
    gone.unlink()

    found = localshop.run("verify", "--repair", "--json")

    assert (found.code, found.err) == (1, "")
    by_digest = {one["sha256"]: one for one in found.json["findings"]}
    assert {(one["what"], one["outcome"]) for one in by_digest.values()} == {
        ("damaged", "quarantined"),
        ("missing", "not-repaired"),
    }
    assert list(by_digest[gone.name]) == ["sha256", "what", "outcome", "files", "sentence"]
    assert re.fullmatch(r"default: secret_\d-1\.0-py3-none-any\.whl", by_digest[rotten.name]["files"][0])
    told = localshop.run("verify")
    assert told.code == 1
    assert rotten.name in told.out
    assert "Not right: 2; repaired: 0." in told.out


def test_a_check_that_was_killed_goes_on(localshop, private):
    """After a kill -9, what was read is not read again, and what was found is not forgotten."""
    paths = private(6, 500_000)
    paths[0].write_bytes(b"rot")
    running = localshop.start("verify", "--rate", "0.6", "--progress")
    try:
        checkpoint = localshop.home / "verify.json"
        deadline = time.monotonic() + 30
        while not checkpoint.exists() or _checked(checkpoint) < 2:
            assert time.monotonic() < deadline
            assert running.poll() is None
            time.sleep(0.02)
    finally:
        running.send_signal(signal.SIGKILL)
        _, told = running.communicate()
    assert re.search(r"\d of 6 files, \d of \d MB, \d not right", told)
    checked = _checked(checkpoint)

    ended = localshop.run("verify", "--json")

    assert f"Going on after the {checked} files" in ended.err
    assert (ended.code, ended.json["checked"]) == (1, 6)
    assert [one["sha256"] for one in ended.json["findings"]] == [paths[0].name]
    assert localshop.run("verify", "--json").err == ""


def _checked(checkpoint):
    line = checkpoint.read_bytes().partition(b"\n")[0]
    return json.loads(line)["checked"] if line else 0


@pytest.mark.parametrize(
    "arguments", [("verify", "--rate", "0"), ("verify", "--rate", "x"), ("sweep", "--size", "much")]
)
def test_what_makes_no_sense_is_wrong_usage(localshop, arguments):
    localshop.bad(*arguments, code=2)


def test_a_sweep_tells_what_went(localshop, private):
    private(1)
    orphan = localshop.home / "files" / "aa" / "bb" / ("aabb" + "0" * 60)
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"left by a crash")
    _make_old(orphan)

    tried = localshop("sweep", "--dry-run", "--size", "1kB")
    assert orphan.exists()
    swept = localshop("sweep")

    assert swept == {
        "unreferenced": 0,
        "orphans": 1,
        "parts": 0,
        "evicted": 0,
        "freed": 15,
        "mirrored": 0,
        "limit": None,
        "dry_run": False,
    }
    assert tried == {**swept, "limit": 1000, "dry_run": True}
    assert not orphan.exists()
    assert "Mirrored files that went: 0;" in localshop.good("sweep").out


def _make_old(path):
    then = time.time() - 7200
    os.utime(path, (then, then))
