"""Reading an upstream's header fields, bodies and addresses, none of which are to be trusted."""

from __future__ import annotations

import gzip
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.errors import UpstreamNonsense, UpstreamRefused
from localshop.upstream.addresses import parse, shown
from localshop.upstream.headers import content_range, number, retry_after
from localshop.upstream.inflate import Gathering

NOW = datetime(2026, 11, 20, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 0-99/5892", (0, 100, 5892)),
        ("bytes 5-5/*", (5, 6, None)),
        ("bytes 99-0/5892", None),
        ("bytes 0-99/99", None),
        ("bytes */5892", None),
        ("items 0-99/5892", None),
        ("bytes 0-99/-1", None),
        ("", None),
    ],
)
def test_content_range(value, expected):
    assert content_range(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("30", 30.0),
        (" 0 ", 0.0),
        ("Fri, 20 Nov 2026 10:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 09:00:00 GMT", 0.0),
        ("Fri, 20 Nov 2026 10:00:30 -0000", 30.0),
        ("-1", None),
        ("soon", None),
        ("inf", None),
        ("", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(value, expected):
    assert retry_after(value, now=NOW) == expected


@given(st.text(max_size=60))
def test_no_header_breaks_us(text):
    content_range(text)
    number(text)
    assert (retry_after(text, now=NOW) or 0.0) >= 0.0


@given(st.binary(max_size=5000), st.integers(1, 700), st.booleans())
def test_a_body_comes_out_as_it_went_in(body, step, compressed):
    wire = gzip.compress(body) if compressed else body
    gathering = Gathering("x", limit=5000, gzip=compressed)
    for start in range(0, len(wire), step):
        gathering.feed(wire[start : start + step])
    assert gathering.finish() == body


@given(st.binary(min_size=1, max_size=3000), st.data())
def test_a_cut_gzip_stream_is_never_taken_for_a_whole_page(body, data):
    wire = gzip.compress(body)
    gathering = Gathering("x", limit=5000, gzip=True)
    gathering.feed(wire[: data.draw(st.integers(0, len(wire) - 1))])
    with pytest.raises(UpstreamNonsense, match="ends too early"):
        gathering.finish()


def test_a_large_body_survives_being_unpacked_in_pieces():
    body = bytes(5_000_000)
    gathering = Gathering("x", limit=len(body), gzip=True)
    gathering.feed(gzip.compress(body))
    assert gathering.finish() == body


def test_a_bomb_is_not_unpacked():
    gathering = Gathering("x", limit=1 << 20, gzip=True)
    with pytest.raises(UpstreamNonsense, match="larger than 1,048,576 bytes"):
        gathering.feed(gzip.compress(bytes(50 << 20), compresslevel=1))


def test_what_follows_a_gzip_stream_is_not_hidden():
    gathering = Gathering("x", limit=100, gzip=True)
    with pytest.raises(UpstreamNonsense, match="follows the end"):
        gathering.feed(gzip.compress(b"page") + b"more")


def test_a_signed_address_is_sent_as_it_was_written():
    written = "https://files.example.org/a%2Bb+c,d.whl?sig=%2F%2Bx&e=1"
    assert str(parse(written)) == written


def test_what_cannot_be_sent_is_encoded():
    assert str(parse("https://files.example.org/a b\r\nHost: evil.whl")) == (
        "https://files.example.org/a%20bHost:%20evil.whl"
    )


def test_a_user_name_in_a_link_is_not_kept():
    assert str(parse("https://user:secret@files.example.org/x#sha256=00")) == "https://files.example.org/x"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/b", "https://index.example.org/b"),
        ("b", "https://index.example.org/simple/b"),
        ("//other.example/b", "https://other.example/b"),
        ("http://other.example:81/b", "http://other.example:81/b"),
    ],
)
def test_where_a_redirect_leads(location, expected):
    assert str(parse(location, base=parse("https://index.example.org/simple/a"))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "file:///etc/passwd",
        "ftp://h/x",
        "javascript:alert(1)",
        "http://",
        "http:///x",
        "http://h:99999/",
        "http://h:0/",
        "//h/x",
        "http://[::1/",
        "http://a..b/",
        f"http://{64 * 'a'}.example/",
    ],
)
def test_what_is_no_http_address_is_refused(text):
    with pytest.raises(UpstreamRefused):
        parse(text)


@given(st.text(max_size=50))
def test_any_text_is_an_address_or_refused(text):
    for each in (text, f"http://{text}", f"http://h/{text}"):
        shown(each)
        with suppress(UpstreamRefused):
            parse(each)


def test_a_sentence_shows_no_secrets():
    assert shown("https://user:secret@h.example/a?token=secret#frag") == "https://h.example/a"
