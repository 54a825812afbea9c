"""Lock files: the URLs that they hold work on a localshop that has never heard of anything."""

from __future__ import annotations

import pytest

from command_line import CommandLine
from installers import PYTHON, Pip, Poetry, Uv
from servers import serve


@pytest.fixture(scope="session")
def _empty(_house, tmp_path_factory):
    """Another, empty localshop with the same upstream."""
    localshop = CommandLine(tmp_path_factory.mktemp("empty") / "home").with_tables()
    with serve(localshop, LOCALSHOP_UPSTREAM_URL=_house.upstream.url) as running:
        yield running
        running.stop()


@pytest.fixture
def moved(house, _empty):
    """Put the empty localshop in the place of the other, at the same address."""
    before = house.recorder.target

    def move():
        house.recorder.target = _empty.url
        house.recorder.forget()

    yield move
    house.recorder.target = before


def test_a_lock_of_uv(house, app, uv, moved):
    """The lock names every file by our address; nobody looks at a page before it is asked for."""
    (uv.project / "pyproject.toml").write_text(
        f'[project]\nname = "users-project"\nversion = "1"\nrequires-python = "=={PYTHON}.*"\n'
        f'dependencies = ["{app}"]\n\n[tool.uv]\npackage = false\n\n'
        f'[[tool.uv.index]]\nname = "localshop"\nurl = "{house.index()}"\ndefault = true\n'
    )
    assert uv.uv("lock").code == 0
    assert f"{house.recorder.url}/repo/default/packages/" in (uv.project / "uv.lock").read_text()
    moved()
    uv.forget_cache()
    ended = uv.uv("sync", "--frozen", "--active")
    assert (ended.code, uv.installed) == (0, {app: "2.0", f"{app}-lib": "2.0"}), ended
    assert [each.path for each in house.recorder.seen("/repo/default/demo-*")] == []


@pytest.mark.parametrize("installer", [Pip, Uv])
def test_a_lock_of_pip(house, app, pip, moved, installer, tmp_path):
    """pylock.toml (PEP 751), which other tools read as well."""
    ended = pip.pip("lock", f"--index-url={house.index()}", app, "-o", "pylock.toml")
    assert ended.code == 0, ended
    lock = pip.project / "pylock.toml"
    assert f"{house.recorder.url}/repo/default/packages/" in lock.read_text()
    moved()
    client = installer(tmp_path / "another")
    ended = client.install(house.index(), "-r", lock)
    assert (ended.code, client.installed) == (0, {app: "2.0", f"{app}-lib": "2.0"}), ended


def test_a_lock_of_poetry(house, app, moved, tmp_path):
    poetry = Poetry(tmp_path)
    assert poetry.resolve(house.index(), app).code == 0
    moved()
    poetry.forget_cache()
    ended = poetry.install(house.index(), app)
    assert (ended.code, poetry.installed) == (0, {app: "2.0", f"{app}-lib": "2.0"}), ended
