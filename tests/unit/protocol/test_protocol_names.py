"""Names: two spellings of a project are one project, and a reserved pattern holds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol import names

ASCII_NAMES = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?\Z")


@given(ASCII_NAMES)
def test_every_spelling_reaches_the_same_project(name: str) -> None:
    normal = names.normalise(name)
    assert normal == re.sub(r"[-_.]+", "-", name).lower()
    assert names.normalise(normal) == normal
    assert names.is_name(name)
    assert names.is_normalised(normal)
    assert names.normalise(name.upper().replace("-", "_")) == normal


@given(st.text(max_size=30))
def test_any_text_is_answered_without_an_error(text: str) -> None:
    if names.is_name(text):
        assert text.isascii()
        assert names.is_normalised(names.normalise(text))


@pytest.mark.parametrize(
    "text", ["", "-a", "a-", ".", "a\n", "a b", "a/b", "\u212a", "\uff41", "a" * 201, "a\0", "..", "é"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    assert not names.is_name(text)
    assert not names.is_normalised(text)


@pytest.mark.parametrize("text", ["A", "a--b", "a_b", "a.b"])
def test_an_unnormalised_name_is_seen_as_one(text: str) -> None:
    assert names.is_name(text)
    assert not names.is_normalised(text)


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("acme-*", "acme-tools", True),
        ("acme-*", "Acme_Anything", True),
        ("Acme.*", "acme--anything", True),
        ("acme-*", "acme", False),
        ("acme-*", "acmeline", False),
        ("acme", "ACME", True),
        ("acme", "acme-tools", False),
        ("*", "anything", True),
        ("acme*", "acmeline", True),
    ],
)
def test_a_reserved_pattern_covers_what_it_says(pattern: str, name: str, covered: bool) -> None:
    assert names.matches(pattern, name) is covered
