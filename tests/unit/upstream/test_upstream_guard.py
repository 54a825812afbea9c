"""Which addresses an upstream may make localshop connect to."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.upstream.guard import Allowance, actual, is_public, spelled

OWN = Allowance.of(
    "index.example.org", file_hosts=["files.example.org", "10.0.0.9:8443", "[fd00::9]:81", "fd00::8"]
)

INSIDE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.100.100.200",
    "127.0.0.1",
    "127.8.9.10",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.168.1.1",
    "203.0.113.80",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::8.8.8.8",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
OUTSIDE = ["8.8.8.8", "151.101.0.223", "2a04:4e42::223", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_of_some_inside_is_not_contacted(address):
    assert not is_public(address)
    assert not OWN.admits("evil.example", 443, address=address)
    assert not OWN.admits_name(address, 443)


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_public_address_is(address):
    assert is_public(address)
    assert OWN.admits("cdn.example", 443, address=address)
    assert OWN.admits_name(address, 443)


@pytest.mark.parametrize(
    "text", ["", "example.org", "127.1", "2130706433", "0x7f.1", "1.2.3.4.", "[::1]", "::1::"]
)
def test_what_is_no_address_is_not_public(text):
    assert actual(text) is None
    assert not is_public(text)


@given(st.ip_addresses(v=4))
def test_no_disguise_makes_an_inner_address_public(address):
    number = int(address)
    disguises = [
        f"::ffff:{address}",
        f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",
    ]
    assert {is_public(each) for each in disguises} == {is_public(str(address))}


@given(st.ip_addresses(v=6))
def test_a_private_ipv6_address_is_never_public(address):
    if is_public(str(address)):
        carried = isinstance(actual(str(address)), ipaddress.IPv4Address)
        assert carried or (address.is_global and address in ipaddress.ip_network("2000::/3"))


@given(st.text(max_size=40))
def test_nothing_an_upstream_writes_breaks_the_guard(text):
    OWN.admits(text, 80, address=text, own=[text])
    OWN.admits_name(text, 80)
    Allowance.of(text, file_hosts=[text])


def test_the_indexs_own_host_may_be_anywhere_on_any_port():
    for host in ("index.example.org", "INDEX.example.org", "index.example.org."):
        assert OWN.admits(host, 8080, address="10.0.0.1")
        assert OWN.admits_name(host, 8080)
    assert not OWN.admits("sub.index.example.org", 443, address="10.0.0.1")


def test_a_host_at_the_indexs_own_address_is_let_through():
    """Behind a proxy of a company, the index and its file host are often one private address."""
    assert OWN.admits("elsewhere.example.org", 443, address="10.0.0.1", own=["10.0.0.1"])
    assert OWN.admits("elsewhere.example.org", 443, address="::ffff:10.0.0.1", own=["10.0.0.1"])
    assert OWN.admits("10.0.0.1", 443, address="10.0.0.1", own=["::ffff:10.0.0.1"])
    assert not OWN.admits("elsewhere.example.org", 443, address="10.0.0.2", own=["10.0.0.1"])
    assert not OWN.admits("elsewhere.example.org", 443, address="nonsense", own=["nonsense"])


def test_a_listed_file_host_may_be_inside_and_only_on_its_port_if_it_names_one():
    assert OWN.admits("files.example.org", 8080, address="10.0.0.7")
    assert OWN.admits("10.0.0.9", 8443, address="10.0.0.9")
    assert not OWN.admits("10.0.0.9", 443, address="10.0.0.9")
    assert OWN.admits("fd00::9", 81, address="fd00::9")
    assert not OWN.admits("fd00::9", 80, address="fd00::9")
    assert OWN.admits("fd00::8", 80, address="fd00::8")


def test_an_index_given_by_its_address_is_its_own_host():
    own = Allowance.of("127.0.0.1")
    assert own.admits("127.0.0.1", 3141, address="127.0.0.1")
    assert own.admits("::ffff:127.0.0.1", 3141, address="::ffff:127.0.0.1")
    assert not own.admits("127.0.0.2", 3141, address="127.0.0.2")
    assert Allowance.of("[::1]").admits("::1", 80, address="::1")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "a.localhost",
        "printer.local",
        "db.internal",
        "router",
        "x.home.arpa",
        "2130706433",
        "0x7f.0x1",
        "1.2.3",
    ],
)
def test_a_proxy_is_not_sent_to_names_of_the_inside(host):
    assert not OWN.admits_name(host, 80)


def test_a_proxy_is_sent_to_names_of_the_outside():
    assert OWN.admits_name("files.elsewhere.org", 443)
    assert OWN.admits_name("bücher.example.org", 443)


def test_a_host_has_one_spelling():
    assert spelled("Bücher.Example.") == "xn--bcher-kva.example"
    assert spelled("[::FFFF:127.0.0.1]") == "127.0.0.1"
    assert spelled("2A04:4E42::0223") == "2a04:4e42::223"
