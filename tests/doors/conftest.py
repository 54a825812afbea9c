"""Homes for the doors: with tables only, or as ``localshop init`` leaves them."""

from __future__ import annotations

import pytest

from command_line import CommandLine


@pytest.fixture
def localshop(tmp_path):
    """The command line of a home in which there are tables and nothing else."""
    return CommandLine(tmp_path / "home").with_tables()


@pytest.fixture(scope="session")
def _initialised(tmp_path_factory):
    made = CommandLine(tmp_path_factory.mktemp("initialised") / "home").with_tables()
    made.good("init", LOCALSHOP_UPSTREAM_URL="http://mirror.example.com/simple/")
    return made


@pytest.fixture
def initialised(_initialised, tmp_path):
    """The command line of a home that was just set up."""
    return _initialised.copied_to(tmp_path / "home")
