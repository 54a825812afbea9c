"""Versions on a page: all of them, once, oldest first."""

from __future__ import annotations

from localshop.protocol.pages import versions_of


def test_versions_stand_in_their_order_and_once() -> None:
    found = versions_of(
        [
            "a-1.10.tar.gz",
            "a-1.9.tar.gz",
            "a-1.9-py3-none-any.whl",
            "a-1.9.0-py2-none-any.whl",
            "a-2.0rc1.zip",
            "a-2.0.zip",
            "a-0.1-fork.tar.gz",
            "b-7.tar.gz",
            "a-3.exe",
        ],
        "a",
    )
    assert found == ("0.1-fork", "1.9", "1.10", "2.0rc1", "2.0")
