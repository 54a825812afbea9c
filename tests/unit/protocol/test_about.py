"""What METADATA says to people: read whatever is in it, and no link of it leads where none may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol.about import about, link

METADATA = b"""Metadata-Version: 2.1
Name: demo
Version: 1.0
Summary: A demo
Author-email: Ann <ann@example.org>
License-Expression: MIT
Project-URL: Source, https://example.org/src
Project-URL: Evil, javascript:alert(1)
Requires-Dist: other>=2
Requires-Dist: tox; extra == "test"
Description-Content-Type: text/markdown

# Hello

world
"""


def test_fields_are_read():
    told = about(METADATA)
    assert (told.summary, told.licence, told.author) == ("A demo", "MIT", "Ann <ann@example.org>")
    assert told.requires == {"": ("other>=2",), "test": ('tox; extra == "test"',)}
    assert [(one.label, one.url) for one in told.links] == [
        ("Source", "https://example.org/src"),
        ("Evil", ""),
    ]
    assert (told.description, told.content_type) == ("# Hello\n\nworld", "text/markdown")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        " javascript:alert(1)",
        "JAVASCRIPT:x",
        "data:text/html,x",
        "vbscript:x",
        "//evil.example",
        "/accounts/logout/",
        "file:///etc/passwd",
        "https://[broken",
        "https://a b",
        "https://a\x00b",
        "",
        "UNKNOWN",
    ],
)
def test_only_pages_and_people_are_linked(url):
    assert not link("x", url).url


@pytest.mark.parametrize("url", ["https://a.example/x?y#z", "HTTP://a.example", "mailto:a@b.example"])
def test_links_stay_links(url):
    assert link("x", url).url == url


def test_a_description_in_a_header_is_read():
    """Metadata 1.x has it there, set in by eight blanks."""
    told = about(
        b"Metadata-Version: 1.1\nName: a\nVersion: 1\nDescription: 1\n        two\n        \n        3\n"
    )
    assert told.description == "1\ntwo\n\n3"


@given(st.binary(max_size=400))
def test_nothing_makes_it_fail(data):
    about(data)
    about(b"Metadata-Version: 2.1\nName: a\nVersion: 1\n" + data)


def test_a_flood_of_fields_is_not_read():
    assert about(b"".join(b"X-%d: y\n" % number for number in range(50_000))) is None
