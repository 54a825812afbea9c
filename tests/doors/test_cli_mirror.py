"""``localshop mirror`` as a process: what it reads, what it prints, how it ends."""

from __future__ import annotations

import signal

import pytest

from distributions import wheel
from servers import PATIENCE, serve, until


@pytest.fixture
def localshop(initialised, upstream):
    """A home that reads from the fake upstream."""
    initialised.database.execute("UPDATE catalog_upstream SET url = %s", upstream.url)
    return initialised


@pytest.fixture
def put(tmp_path):
    """Write a file that a command may be given."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    return write


def test_json_tells_all_and_stderr_nothing(localshop, upstream):
    held = upstream.add(wheel("demo", "1.0"))
    what = ("mirror", "Demo>=1")
    one = {"project": "demo", "filename": held.filename, "size": len(held.body)}
    empty = {"here": 0, "fetched": 0, "bytes": 0, "to_fetch": [], "missing": [], "skipped": []}
    assert localshop(*what, "--dry-run") == {**empty, "to_fetch": [one]}
    assert localshop(*what) == {**empty, "fetched": 1, "bytes": len(held.body)}
    assert localshop(*what) == {**empty, "here": 1}


def test_people_get_a_sum_and_a_line_for_each_thing_that_is_missing(localshop, upstream):
    held = upstream.add(wheel("demo", "1.0", size=2_000_000))
    assert f"To fetch: {held.filename}\n" in localshop.good("mirror", "demo", "--dry-run").out
    ended = localshop.run("mirror", "demo", "nowhere>1")
    assert (ended.code, ended.err) == (1, "")
    assert "Missing: nowhere>1 for Python" in ended.out
    assert ": no-such-project: No upstream has nowhere.\n" in ended.out
    assert ended.out.endswith("Here already: 0. Fetched: 1 (2.0 MB). Missing: 1.\n")
    ended = localshop.run("mirror", "nowhere", "--json")
    assert (ended.code, ended.json["missing"][0]["reason"]) == (1, "no-such-project")


def test_requirements_files_include_each_other(localshop, upstream, put):
    """Paths in a file are relative to it; a circle is no endless walk; constraints only narrow."""
    for name in ("one", "two", "three"):
        for version in ("1.0", "2.0"):
            upstream.add(wheel(name, version))
    put("parts/two.txt", "two\n-r ../all.txt\n-c limits.txt\nthree @ https://ann:pa55@host.example/x.zip\n")
    put("parts/limits.txt", "two<2\nthree<2\n")
    told = localshop("mirror", "-r", put("all.txt", "one==1.0\n-r parts/two.txt\n"), "--no-deps")
    assert (told["fetched"], told["missing"]) == (2, [])
    assert len(told["skipped"]) == 1
    assert "pa55" not in told["skipped"][0]
    assert upstream.count("*/two-1.0-py3-none-any.whl") == upstream.count("*/one-1.0-py3-none-any.whl") == 1


def test_options_say_for_which_machines(localshop, upstream):
    for tag in ("cp312-cp312-win_amd64", "cp313-cp313-win_amd64", "cp313-cp313-macosx_11_0_arm64"):
        upstream.add(wheel("fast", "1.0", tag=tag))
    machines = ("--platform", "win_amd64", "--platform", "macosx_14_0_arm64", "--python", "3.13")
    told = localshop("mirror", "fast", *machines)
    assert (told["fetched"], told["missing"]) == (2, [])
    assert upstream.count("*/fast-1.0-cp312*") == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["demo>>1"], "'demo>>1' is no requirement"),
        (["demo", "--python", "2.7"], "no version of Python"),
        (["demo", "--platform", "amiga"], "'amiga' is no platform"),
        (["demo", "--repository", "none"], "no repository 'none'"),
        (["-r", "/nowhere/r.txt"], "/nowhere/r.txt: No such file"),
        (["-l", "/"], "Is a directory"),
    ],
)
def test_what_it_cannot_take_is_told_in_a_sentence(localshop, upstream, arguments, told):
    assert told in localshop.bad("mirror", *arguments)
    assert upstream.count() == 0


def test_a_broken_file_is_told_with_its_name(localshop, put):
    path = put("r.txt", "-r https://host.example/more.txt\n")
    assert f"{path} includes 'https://host.example/more.txt'" in localshop.bad("mirror", "-r", path)
    path = put("r.txt", "-r a\0b\n")
    assert "only files can be included" in localshop.bad("mirror", "-r", path)
    path = put("uv.lock", "version = 1\n[[package]]\n")
    assert f"{path} has a package without a name" in localshop.bad("mirror", "-l", path)


def test_nothing_to_do_is_wrong_usage_or_nothing(localshop, put):
    assert "Nothing is asked for" in localshop.bad("mirror", code=2)
    assert localshop("mirror", "-r", put("r.txt", "./mine\n"))["fetched"] == 0
    assert "offline" in localshop.bad("mirror", "demo", LOCALSHOP_OFFLINE="true")


def test_what_was_interrupted_is_gone_on_with(localshop, upstream):
    """A night's download that somebody ends with Ctrl-C is not for nothing."""
    held = upstream.add(wheel("demo", "1.0", size=3_000_000))
    upstream.fault("/packages/*.whl", drip=300_000)
    process = localshop.start("mirror", "demo", "--no-deps")
    until(lambda: any(path.stat().st_size > 200_000 for path in localshop.home.rglob("*.part")))
    process.send_signal(signal.SIGINT)
    assert (process.communicate(timeout=PATIENCE), process.returncode) == (("", ""), 130)
    upstream.heal()
    upstream.forget()
    assert localshop("mirror", "demo")["bytes"] == len(held.body)
    (again,) = upstream.seen("/packages/*.whl")
    assert again.headers["Range"] != "bytes=0-"


def test_it_works_while_serve_runs(localshop, upstream):
    """Nobody has to stop anything to have more packages here."""
    for number in range(20):
        upstream.add(wheel(f"demo{number}", "1.0"))
    with serve(localshop) as running:
        assert localshop("mirror", *(f"demo{number}" for number in range(20)))["fetched"] == 20
        assert localshop("mirror", "demo1")["here"] == 1
        running.stop()
