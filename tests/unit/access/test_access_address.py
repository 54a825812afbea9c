"""Where a request comes from: nobody may talk himself into a network that he is not in."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.access.address import Visitor, parse_address, visitor

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def come(peer, *headers, trusted=()):
    return visitor(peer, [(name.encode(), value.encode()) for name, value in headers], trusted=trusted)


@pytest.mark.parametrize("header", ["x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip"])
def test_headers_of_an_untrusted_peer_are_not_believed(header):
    assert come("203.0.113.9", (header, "10.1.1.1")) == Visitor(ip_address("203.0.113.9"))


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("10.1.1.1", "10.1.1.1"),
        ("10.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.1.1.1", "10.1.1.1"),
        ("10.1.1.1 , 127.0.0.2", "10.1.1.1"),
        ("10.1.1.1:4711", "10.1.1.1"),
        ("[2001:db8::1]:80", "2001:db8::1"),
        ("::ffff:10.1.1.1", "10.1.1.1"),
    ],
)
def test_of_a_trusted_proxy_the_last_address_that_is_no_proxy_counts(forwarded, address):
    """What stands before it could be the client's own invention."""
    assert come("127.0.0.1", ("x-forwarded-for", forwarded), trusted=LOOPBACK) == Visitor(ip_address(address))


def test_several_header_lines_are_one_list():
    headers = [("x-forwarded-for", "10.1.1.1"), ("x-forwarded-for", "203.0.113.9")]

    assert come("127.0.0.1", *headers, trusted=LOOPBACK) == Visitor(ip_address("203.0.113.9"))


@pytest.mark.parametrize("garbage", ["unknown", "10.1.1", "10.1.1.1, ,x", "_hidden", "a" * 5000, ","])
def test_what_a_proxy_says_that_cannot_be_read_is_in_no_network(garbage):
    assert come("127.0.0.1", ("x-forwarded-for", garbage), trusted=LOOPBACK).address is None


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "via", "x-forwarded-proto"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_proxy_on_this_machine_that_nobody_told_of_is_not_this_machine(peer, header):
    """Else everybody in the world would be let in as loopback, once somebody puts nginx in front."""
    assert come(peer, (header, "203.0.113.9")).told is False


def test_a_peer_that_is_no_address_is_in_no_network():
    assert come("").address is None
    assert come("unix:").address is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_an_address(text):
    parse_address(text)
    come("127.0.0.1", ("x-forwarded-for", text.encode("ascii", "ignore").decode()), trusted=LOOPBACK)
