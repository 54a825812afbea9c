"""An old home and the command line: nothing but ``upgrade`` works in it, and that always ends well."""

from __future__ import annotations

import signal

import pytest

from command_line import CommandLine
from distributions import wheel
from old_localshop import OldHome
from servers import serve, until

FILES = 60


@pytest.fixture
def old(tmp_path):
    """A home of 0.9 with settings that mean nothing to us."""
    conf = "SECRET_KEY = 'x'\nLOCALSHOP_ISOLATED = True\nLOCALSHOP_HTTP_PROXY = None\n"
    home = OldHome(tmp_path / "home", conf=conf)
    home.user("ann", is_superuser=1)
    home.add("permissions_cidr", cidr="127.0.0.0/8", require_credentials=0)
    return home


@pytest.fixture
def localshop(old):
    return CommandLine(old.home)


def test_upgrade_takes_over_and_serve_serves(old, localshop):
    """One command, and everybody goes on; before it nothing is touched, after it nothing old is gone."""
    package = old.package("Demo")
    mine = wheel("Demo", "1.0")
    old.file(package, mine)
    old.file(package, wheel("Demo", "2.0"), there=False)
    before = old.state()
    for command in (["serve", "--bind", "127.0.0.1:0"], ["init"], ["doctor"]):
        assert "localshop upgrade" in localshop.bad(*command)
    assert old.state() == before

    ended = localshop.run("upgrade", "--json")
    assert ended.code == 0, ended.err
    assert "home of the old localshop (before 2.0)" in ended.err
    said = ended.json
    assert (said["users"], said["private_files"]) == (1, 1)
    assert [one["what"] for one in said["left"]] == ["default: demo-2.0-py3-none-any.whl"]
    report = (old.home / "old-localshop" / "report.txt").read_text()
    assert "Not taken over: default: demo-2.0-py3-none-any.whl" in report
    assert localshop("upgrade")["migrations"] == []
    after = old.state()
    assert after["localshop.db"] == before["localshop.db"]
    assert mine.body in after.values()
    with serve(localshop) as running:
        assert running.get(f"/repo/default/{mine.path}") == (200, mine.body)
        running.stop()


def test_killed_in_the_middle_and_run_again(old, localshop):
    """Files that were not there yet come with the next run; until then nobody serves a half of it."""
    package = old.package("demo")
    for number in range(FILES):
        old.file(package, wheel("demo", f"{number}.0", size=50_000))
    process = localshop.start("upgrade")
    until(lambda: list((old.home / "files").glob("??/??/*")))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert "localshop upgrade" in localshop.bad("serve", "--bind", "127.0.0.1:0")
    said = localshop.run("upgrade", "--json").json
    assert (said["users"], said["private_files"], said["left"]) == (1, FILES, [])
    assert len(localshop("verify")["findings"]) == 0
    assert list((old.home / "files" / ".tmp").glob("*.part")) == []


def test_on_every_node_at_once(old, localshop):
    """Two nodes share the home: one takes it over, the other finds it done."""
    package = old.package("demo")
    old.file(package, wheel("demo", "1.0"))
    running = [localshop.start("upgrade", "--json") for _ in range(3)]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in running]
    assert [code for _, _, code in ended] == [0] * 3, ended
    assert sum('"private_files": 1' in out for out, _, _ in ended) == 1
