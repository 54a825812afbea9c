"""Content negotiation: each client gets the type it can read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol.negotiate import HTML, JSON, TEXT, accepts_gzip, media_type


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (f"{JSON}, {HTML}; q=0.1, text/html; q=0.01", JSON),  # pip
        (f"{JSON}, {HTML};q=0.2, text/html;q=0.01", JSON),  # uv
        (f"{JSON}, */*;q=0.1", JSON),  # poetry
        ("*/*", TEXT),
        (None, TEXT),
        ("", TEXT),
        ("text/html", TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
        ("application/json", TEXT),
        ("image/png", TEXT),
        (f"text/html, {HTML}, {JSON}", JSON),
        (f"text/html, {HTML}", HTML),
        (f"{JSON};q=0.5, text/html", TEXT),
        (f"{JSON}, */*", JSON),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("application/vnd.pypi.simple.latest+html", HTML),
        (f" {JSON.upper()} ; charset=utf-8 ; Q=0.9 , text/html;q=0.8", JSON),
        (f"{JSON};q=0, */*", TEXT),
        ("text/html;q=0, */*", JSON),
        ("application/*", JSON),
        ("text/*", TEXT),
        (f"{JSON};q=0", TEXT),
        (f"{JSON};q=nan, {HTML}", HTML),
        (f"{JSON}," + "x" * 2000, TEXT),
    ],
)
def test_a_client_gets_its_type(accept: str | None, chosen: str) -> None:
    assert media_type(accept) == chosen


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (JSON, JSON),
        (JSON.replace("+", " "), JSON),
        (HTML, HTML),
        (TEXT, TEXT),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("json", None),
        ("", None),
    ],
)
def test_the_format_parameter_overrides_accept(wanted: str, chosen: str | None) -> None:
    assert media_type("text/html", wanted=wanted) == chosen


PIECES = st.sampled_from([JSON, HTML, TEXT, "*/*", ";", ",", "q=", "0.5", "1", " ", "=", "\0", "é", "inf"])


@given(st.lists(PIECES).map("".join) | st.text())
def test_garbage_is_answered(header: str) -> None:
    assert media_type(header) in (JSON, HTML, TEXT)
    assert accepts_gzip(header) in (True, False)


@given(st.permutations([(JSON, 0.3), (HTML, 0.6), (TEXT, 0.9)]))
def test_the_highest_quality_wins_in_any_order(ranges: list[tuple[str, float]]) -> None:
    assert media_type(", ".join(f"{name};q={quality}" for name, quality in ranges)) == TEXT


@pytest.mark.parametrize(
    ("header", "yes"),
    [
        ("gzip, deflate", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("br, GZIP;q=0.5", True),
        ("x-gzip", True),
        (None, False),
        ("", False),
    ],
)
def test_gzip_goes_only_to_who_takes_it(header: str | None, yes: bool) -> None:
    assert accepts_gzip(header) is yes
