"""What most tests need: a home with a migrated database, an upstream on loopback, the front door.

Django knows one database in a process. So the tests that run inside this process share one home,
and every test finds its tables empty but for the repository ``default``.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

import databases

# How long an example takes on a busy machine says nothing.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")

# A shell makes those that it runs behind deaf to Ctrl-C, and whom they start: some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Before anything of localshop is imported: its settings are read once.
for name in [name for name in os.environ if name.startswith(("LOCALSHOP_", "PIP_", "UV_"))]:
    if name != "LOCALSHOP_TEST_DATABASE_URL":
        del os.environ[name]
_HOME = tempfile.TemporaryDirectory(prefix="localshop-tests-")
os.environ["LOCALSHOP_HOME"] = _HOME.name
os.environ["LOCALSHOP_SECRET_KEY"] = secrets.token_urlsafe(48)
_database = databases.database_of(Path(_HOME.name))
if databases.SERVER:
    os.environ["LOCALSHOP_DATABASE_URL"] = _database.url
os.environ["DJANGO_SETTINGS_MODULE"] = "localshop.settings"

import django

django.setup()

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection, connections

from asgi_client import Browser
from fake_upstream import FakeUpstream
from localshop.catalog import networks, repositories, state

# Hashing is meant to be slow. In this process passwords are hashed as everywhere, but with the least
# effort; the processes that tests start do it in full.
Argon2PasswordHasher.time_cost = 1
Argon2PasswordHasher.memory_cost = 64
Argon2PasswordHasher.parallelism = 1


_LONG = {"nodes", "browser", "clients", "doors", "test_coherence.py"}
"""Whose tests start servers, and take longest."""


def pytest_collection_modifyitems(items):
    """Begin with what takes long, so that in the end no process has to wait for another one's last file."""
    items.sort(key=lambda item: _LONG.isdisjoint(item.path.parts))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    """Let go of the databases of a test's own homes, so that a long run needs no large disk."""
    result = yield
    if "tmp_path" in item.funcargs:
        databases.drop_databases(item.funcargs["tmp_path"])
    return result


def pytest_sessionfinish():
    databases.drop_databases(Path("/"))


@pytest.fixture(scope="session")
def _migrated():
    connections.close_all()
    _database.make_tables()
    yield
    connections.close_all()


@pytest.fixture
def tables(_migrated):
    """Empty tables, but for the first generation of rights."""
    databases.empty(connection)
    state.access_changed()
    files = Path(_HOME.name) / "files"
    for path in [*files.rglob("*")] if files.exists() else []:
        if path.is_file():
            path.unlink()


@pytest.fixture
def upstream():
    with FakeUpstream() as running:
        yield running


@pytest.fixture
def repository(tables, upstream):
    """The repository ``default``, reading from the fake upstream."""
    return repositories.create_repository(
        "default", upstreams=[upstream.url], networks=networks.FIRST_NETWORKS, changes={}
    )


@pytest.fixture
async def browser(repository):
    """A client of the front door, in this process; it sits on this machine unless it says otherwise."""
    from localshop.asgi import FrontDoor

    async with Browser(FrontDoor()) as client:
        yield client


class Clock:
    """The front door's clocks: time can go by, and the one that people set can be set."""

    def __init__(self, shop):
        self._ahead = self._gone_by = 0.0
        real, steady = shop.now, shop.steady
        shop.now = lambda: real() + self._ahead
        shop.steady = lambda: steady() + self._gone_by

    def forward(self, seconds):
        """Let so much time go by."""
        self._ahead += seconds
        self._gone_by += seconds

    def set(self, seconds):
        """Set the clock forward, or back, while no time goes by."""
        self._ahead += seconds


@pytest.fixture
async def clock(browser):
    return Clock(browser.application._shop)


@pytest.fixture
def set_config(browser):
    """Change settings of the running front door: ``set_config(offline=True)``."""

    def change(**values):
        shop = browser.application._shop
        shop.config = dataclasses.replace(shop.config, **values)

    return change
