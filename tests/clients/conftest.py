"""One ``localshop serve`` for all clients, an upstream of its own, and records of what passes.

To start one for each test would take longer than the tests do. Every test publishes projects of
names of its own, so it finds a localshop that has never heard of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from command_line import CommandLine
from distributions import wheel
from fake_upstream import FakeUpstream
from installers import Client, Pdm, Pip, Poetry, Uv
from recorder import Recorder
from servers import serve

CLIENTS: dict[str, Callable[[Path], Client]] = {
    "pip": Pip,
    "pip-23.3": partial(Pip, version="23.3"),
    "pip-21.3": partial(Pip, version="21.3"),
    "uv": Uv,
    "uv-0.8": partial(Uv, version="0.8"),
    "poetry": Poetry,
    "pdm": Pdm,
}
_numbers = itertools.count(1)


@dataclass
class House:
    """A running localshop, its upstream, and what passes between it and its clients.

    Repositories: ``default`` redirects for what is missing, ``streaming`` streams it, ``refusing``
    refuses it; ``closed`` asks everybody for credentials, which are ``key`` and ``secret``.
    """

    upstream: FakeUpstream
    localshop: CommandLine
    recorder: Recorder
    offline: Recorder
    key: str
    secret: str

    def index(self, repository="default"):
        return f"{self.recorder.url}/repo/{repository}/"

    def index_offline(self, repository="default"):
        """The same home, served with ``LOCALSHOP_OFFLINE=true``."""
        return f"{self.offline.url}/repo/{repository}/"

    def index_with_credentials(self, name=None, secret=None):
        own = f"http://{name or self.key}:{secret or self.secret}@"
        return self.index("closed").replace("http://", own)

    def jobs_done(self):
        self.localshop.good("jobs", "wait", "--timeout", "30")

    def asked_upstream(self, name, *, files="*"):
        """The requests that reached the upstream for pages and files of projects that begin so."""
        pages = self.upstream.seen(f"/simple/{name}*") if files == "*" else []
        return pages + self.upstream.seen(f"/packages/*/{name.replace('-', '_')}{files}")


@pytest.fixture(scope="session")
def _house(tmp_path_factory):
    localshop = CommandLine(tmp_path_factory.mktemp("clients") / "home").with_tables()
    with (
        FakeUpstream() as upstream,
        serve(localshop, LOCALSHOP_UPSTREAM_URL=upstream.url) as online,
        serve(localshop, "--no-jobs", LOCALSHOP_OFFLINE="true") as offline,
        Recorder(online.url) as recorder,
        Recorder(offline.url) as recorder_offline,
    ):
        for slug, miss in {"streaming": "stream", "refusing": "refuse", "closed": "redirect"}.items():
            localshop("repository", "create", slug, "--upstream", upstream.url, "--miss", miss)
        localshop("cidr", "remove", "closed", "127.0.0.0/8")
        made = localshop("credential", "create", "--repository", "closed")
        pair = {"key": made["access_key"], "secret": made["secret_key"]}
        yield House(upstream, localshop, recorder, recorder_offline, **pair)
        offline.stop()
        online.stop()


@pytest.fixture
def house(_house):
    _house.upstream.heal()
    _house.upstream.start()
    _house.recorder.forget()
    _house.offline.forget()
    return _house


@pytest.fixture
def name():
    """A name that no other test has."""
    return f"demo-{next(_numbers):03}"


@pytest.fixture
def app(house, name):
    """A project that needs another one; both are on the upstream, in an old and a new version."""
    for version in ("1.0", "2.0"):
        house.upstream.add(wheel(f"{name}-lib", version, size=1_500_000))
        house.upstream.add(wheel(name, version, requires=[f"{name}-lib=={version}"]))
    return name


@pytest.fixture(params=CLIENTS)
def client(request, tmp_path):
    """Every client, one after the other."""
    return CLIENTS[request.param](tmp_path)


@pytest.fixture
def uv(tmp_path):
    return Uv(tmp_path / "uv")


@pytest.fixture
def pip(tmp_path):
    return Pip(tmp_path / "pip")
