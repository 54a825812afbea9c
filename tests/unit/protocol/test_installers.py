"""User agents: what a client calls itself becomes one of a few words, whatever it sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol.installers import installer


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (b'pip/25.1 {"ci":null,"cpu":"x86_64"}', "pip"),
        (b'uv/0.9.5 {"installer":{"name":"uv"}}', "uv"),
        (b"poetry/2.1.3 [...] CPython/3.11", "poetry"),
        (b"unearth/0.17", "pdm"),
        (b"Mozilla/5.0 (X11; Linux x86_64)", "browser"),
        (b"curl/8.0", "curl"),
        (b"SomethingElse 1.0", "other"),
        (b"", ""),
    ],
)
def test_known_tools_are_told_apart(agent, name):
    assert installer(agent) == name


@given(st.binary())
def test_a_client_cannot_fill_the_tables_with_inventions(agent):
    assert len(installer(agent)) <= 20
    assert installer(agent).isascii()
