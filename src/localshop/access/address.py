"""Where a request comes from: one pure function, because everything else trusts its answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]

_FORWARDING = frozenset({b"forwarded", b"via", b"x-real-ip", b"x-client-ip", b"true-client-ip"})


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from.

    ``told`` False: it came through a proxy on this machine that nobody told us of, so ``address``
    is only the proxy's and proves nothing. ``address`` None: what a trusted proxy said of it could
    not be read; such a visitor is in no network at all.
    """

    address: Address | None
    told: bool = True


def visitor(peer: str, headers: Iterable[tuple[bytes, bytes]], *, trusted: Networks) -> Visitor:
    """The visitor behind a connection from ``peer``.

    Headers are believed only of a peer in ``trusted``; then the last forwarded address that is not
    itself a trusted proxy counts, since everything before it could be the client's own invention.
    """
    address = parse_address(peer)
    if address is None:
        return Visitor(None)
    if not _within(address, trusted):
        return Visitor(address, told=not (telling(headers) and address.is_loopback))
    forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for")
    for part in reversed(forwarded.decode("latin-1").split(",") if forwarded else []):
        address = parse_address(part.strip())
        if address is None:
            return Visitor(None)
        if not _within(address, trusted):
            break
    return Visitor(address)


def telling(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers that ``visitor`` may look at: those by which proxies tell of themselves and of others."""
    return [header for header in headers if header[0] in _FORWARDING or header[0].startswith(b"x-forwarded-")]


def is_trusted(peer: str, trusted: Networks) -> bool:
    """Whether a connection from ``peer`` is one of a proxy whose headers are believed."""
    address = parse_address(peer)
    return address is not None and _within(address, trusted)


@lru_cache(4096)
def parse_address(text: str) -> Address | None:
    """An address, with or without a port; IPv4 inside IPv6 is IPv4. None when it is malformed."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _within(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)
