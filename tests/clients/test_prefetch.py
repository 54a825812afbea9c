"""What was prefetched is enough for an install where there is no upstream."""

from __future__ import annotations

import pytest

from command_line import CommandLine
from distributions import wheel
from servers import serve

PROJECT = """
[project]
name = "users-project"
version = "1"
requires-python = ">=3.11"
dependencies = ["{app}", "{app}-windows; sys_platform == 'win32'"]

[[tool.uv.index]]
url = "{index}"
default = true
"""


@pytest.mark.parametrize("client", ["pip", "uv", "poetry"], indirect=True)
def test_a_requirement_that_was_prefetched_is_installed_offline(house, app, client):
    """With all that it needs, and without having been installed from here before."""
    told = house.localshop("mirror", f"{app}<2")
    assert (told["fetched"], told["missing"]) == (2, [])
    house.upstream.stop()
    ended = client.install(house.index_offline(), app)
    assert (ended.code, client.installed) == (0, {app: "1.0", f"{app}-lib": "1.0"}), ended


def test_a_home_is_carried_over_an_air_gap_by_what_a_lock_file_names(house, app, uv, tmp_path):
    """As the how-to says: lock, mirror, carry the home, look whether all is there, serve offline."""
    house.upstream.add(wheel(f"{app}-windows", "1.0", tag="cp311-cp311-win_amd64"))
    (uv.project / "pyproject.toml").write_text(PROJECT.format(app=app, index=house.index()))
    assert uv.uv("lock").code == 0
    lock = uv.project / "uv.lock"

    outside = CommandLine(tmp_path / "outside").with_tables()
    outside.good("init", LOCALSHOP_UPSTREAM_URL=house.upstream.url)
    told = outside("mirror", "--lock", str(lock))
    assert (told["fetched"], told["missing"]) == (3, [])

    house.upstream.stop()
    inside = outside.copied_to(tmp_path / "inside")
    offline = {"LOCALSHOP_OFFLINE": "true"}
    with serve(inside, **offline) as server:
        told = inside.good("mirror", "--dry-run", "--json", "--lock", str(lock), **offline).json
        assert (told["here"], told["to_fetch"], told["missing"]) == (3, [], [])
        # The how-to has one name for both sides; on one machine their ports differ.
        lock.write_text(lock.read_text().replace(house.recorder.url, server.url))
        ended = uv.uv("sync", "--frozen", "--no-install-project", UV_PROJECT_ENVIRONMENT=str(uv.venv))
        assert (ended.code, uv.installed) == (0, {app: "2.0", f"{app}-lib": "2.0"}), ended
        server.stop()


def test_the_locks_and_lists_that_real_tools_write_are_read(house, app, uv):
    """pylock.toml and a requirements file with hashes, both as uv exports them."""
    house.upstream.add(wheel(f"{app}-windows", "1.0", tag="cp311-cp311-win_amd64"))
    (uv.project / "pyproject.toml").write_text(PROJECT.format(app=app, index=house.index()))
    for name in ("pylock.toml", "requirements.txt"):
        assert uv.uv("export", "--format", name, "--output-file", name, "--no-emit-project").code == 0
    pylock, listed = (str(uv.project / name) for name in ("pylock.toml", "requirements.txt"))

    told = house.localshop("mirror", "--lock", pylock)
    assert (told["fetched"], told["missing"], told["skipped"]) == (3, [], [])
    told = house.localshop("mirror", "--requirement", listed)
    assert (told["here"], told["fetched"], told["missing"]) == (2, 0, [])
    house.upstream.stop()
    ended = uv.install(house.index_offline(), "--require-hashes", "-r", listed)
    assert (ended.code, uv.installed) == (0, {app: "2.0", f"{app}-lib": "2.0"}), ended


@pytest.mark.parametrize(
    ("client", "lock"), [("poetry", "poetry.lock"), ("pdm", "pdm.lock")], indirect=["client"]
)
def test_the_locks_of_other_tools_are_read(house, app, client, lock):
    assert client.install(house.index("streaming"), app).code == 0
    told = house.localshop("mirror", "--lock", str(client.project / lock))
    assert (told["here"] + told["fetched"], told["missing"], told["skipped"]) == (2, [], [])
