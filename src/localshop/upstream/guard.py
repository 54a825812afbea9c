"""Where an upstream may send us: which hosts and addresses localshop connects to for it.

An upstream's page says where its files are, and a redirect says where to go on. Believed blindly,
either would make localshop knock at any door of the network it stands in: the cloud's metadata
service, a router, a database. So what is judged here is the address that is really connected to.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Self

# Addresses that IANA's registries (or this Python's older copy of them) call global, though they
# are not: IETF assignments, and the host agent of a large cloud, which answers any machine in it.
_NOT_PUBLIC = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16/32"))
_UNICAST = IPv6Network("2000::/3")
# RFC 6052: what a network without IPv4 translates to the IPv4 address in the last 32 bits.
_NAT64 = IPv6Network("64:ff9b::/96")
# RFC 6761, 6762, 8375, and what is customary: names that no public name server answers.
_LOCAL = re.compile(
    r"(.*\.)?(localhost|localdomain|local|internal|intranet|home\.arpa|corp|home|lan|private)"
)
_NUMERIC = re.compile(r"(.*\.)?(0x[0-9a-f]*|[0-9]+)")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one source may make us connect to. Made by ``of``; equal ones are interchangeable."""

    own: str
    listed: frozenset[tuple[str, int | None]]

    @classmethod
    def of(cls, host: str, *, file_hosts: Collection[str] = ()) -> Self:
        """Return the allowance of an index on ``host`` with these ``host`` or ``host:port`` beside it."""
        return cls(own=spelled(host), listed=frozenset(_split(listed) for listed in file_hosts))

    def trusts(self, host: str, port: int) -> bool:
        """Tell whether ``host`` was chosen by an administrator: then it may be at any address."""
        host = spelled(host)
        return host == self.own or (host, None) in self.listed or (host, port) in self.listed

    def admits(self, host: str, port: int, *, address: str, own: Collection[str] = ()) -> bool:
        """Tell whether ``host`` may be connected to at ``address``; ``own``: where our host is."""
        if self.trusts(host, port) or is_public(address):
            return True
        meant = actual(address)
        return meant is not None and meant in {actual(each) for each in own}

    def admits_name(self, host: str, port: int) -> bool:
        """Tell the same of a host whose address is not ours to know, because a proxy resolves it."""
        if self.trusts(host, port):
            return True
        name = spelled(host)
        if ":" in name or actual(name) is not None:
            return is_public(name)
        # "2130706433" and "0x7f.1" are 127.0.0.1 to many a resolver.
        return "." in name and not _LOCAL.fullmatch(name) and not _NUMERIC.fullmatch(name)


def spelled(host: str) -> str:
    """Return a host in the one spelling that is compared: lower case, ASCII, addresses in short form."""
    host = host.strip("[]").rstrip(".").lower()
    address = actual(host)
    if address is not None:
        return str(address)
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def actual(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address where packets sent to ``text`` arrive, or None if it is no address.

    ``::ffff:10.0.0.1`` and its translated forms are 10.0.0.1 in disguise.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_public(text: str) -> bool:
    """Tell whether an address is one of the internet at large, and not of some inside."""
    address = actual(text)
    if address is None or not address.is_global or address.is_multicast:
        return False
    if isinstance(address, IPv6Address):
        return address in _UNICAST
    return not any(address in network for network in _NOT_PUBLIC)


def _split(listed: str) -> tuple[str, int | None]:
    # "host", "host:port", "[v6]:port", and a bare v6 address, whose colons are no port's.
    host, _, port = listed.strip().rpartition(":")
    if host and port.isdigit() and (":" not in host or host.endswith("]")):
        return spelled(host), int(port)
    return spelled(listed.strip()), None
