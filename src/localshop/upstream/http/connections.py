"""The connections to upstreams: where they may lead, and who is shown which credentials on them."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from socket import AF_INET, AddressFamily

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from localshop import __version__
from localshop.errors import UpstreamNonsense, UpstreamRefused
from localshop.upstream.addresses import origin, parse, shown
from localshop.upstream.guard import Allowance, actual
from localshop.upstream.source import Source

from .ahead import ConnectorAhead
from .responses import Response

# A whole page, or some metadata, has its own time limit around all hops.
SMALL = aiohttp.ClientTimeout(total=None, sock_connect=5)
# ``connect`` includes the wait for a free connection, when many files come at once.
FILE = aiohttp.ClientTimeout(total=None, connect=30, sock_connect=5, sock_read=30)

_HOPS = 5
_HEADERS_LIMIT = 64 << 10
_PER_HOST = 32
_BUFFER = 256 << 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@cache
def trusted() -> ssl.SSLContext:
    """The authorities that this machine trusts. To read them takes some 30 ms, so it is done once."""
    return ssl.create_default_context()


class Connections:
    """Those of one event loop, kept open between requests."""

    def __init__(self, *, proxy: str, offline: bool) -> None:
        self._proxy = proxy or None
        self._offline = offline
        # Before anybody waits for it.
        trusted()
        # A pooled connection is used again without a look at its address, so what one source may
        # reach must not be in the pool of another.
        self._sessions: dict[Allowance, tuple[aiohttp.ClientSession, _GuardedResolver]] = {}

    async def get(
        self, source: Source, address: str, *, headers: Mapping[str, str], limits: aiohttp.ClientTimeout
    ) -> Response:
        """Return the first answer that is no redirect. Each hop is judged before it is gone."""
        if self._offline:
            raise UpstreamRefused(f"{shown(address)} is not asked: localshop is offline.")
        home = parse(source.url)
        session, resolver = self._session(home, source)
        url = parse(address)
        for _ in range(_HOPS + 1):
            await self._judge(url, home=home, resolver=resolver)
            sent = dict(headers)
            if (source.username or source.password) and origin(url) == origin(home):
                sent["Authorization"] = _basic(source)
            response = await session.get(
                url, headers=sent, allow_redirects=False, proxy=self._proxy, timeout=limits
            )
            if sum(len(name) + len(value) for name, value in response.raw_headers) > _HEADERS_LIMIT:
                response.close()
                raise UpstreamNonsense(f"{shown(url)}: its headers are larger than 64 KiB.")
            if response.status not in _REDIRECTS:
                return response
            response.close()
            url = parse(response.headers.get("Location", ""), base=url)
        raise UpstreamNonsense(f"{shown(address)} redirects more than {_HOPS} times.")

    async def post(self, source: Source, address: str, body: bytes) -> Response:
        """Post JSON there and nowhere else: a redirect is an answer like others. Asked also offline."""
        url, home = parse(address), parse(source.url)
        session, resolver = self._session(home, source)
        headers = {"Content-Type": "application/json"}
        if source.username or source.password:
            headers["Authorization"] = _basic(source)
        await self._judge(url, home=home, resolver=resolver)
        return await session.post(
            url, data=body, headers=headers, allow_redirects=False, proxy=self._proxy, timeout=SMALL
        )

    async def close(self) -> None:
        """Close all connections."""
        while self._sessions:
            _, (session, _) = self._sessions.popitem()
            await session.close()

    def _session(self, home: URL, source: Source) -> tuple[aiohttp.ClientSession, _GuardedResolver]:
        allowance = Allowance.of(home.raw_host or "", file_hosts=source.file_hosts)
        if allowance not in self._sessions:
            resolver = _GuardedResolver(allowance)
            connector = ConnectorAhead(
                resolver=aiohttp.ThreadedResolver() if self._proxy else resolver,
                limit=4 * _PER_HOST,
                limit_per_host=_PER_HOST,
                ssl=trusted(),
            )
            session = aiohttp.ClientSession(
                connector=connector,
                headers={"User-Agent": f"localshop/{__version__}"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                read_bufsize=_BUFFER,
                max_line_size=8 << 10,
                max_field_size=8 << 10,
            )
            self._sessions[allowance] = session, resolver
        return self._sessions[allowance]

    async def _judge(self, url: URL, *, home: URL, resolver: _GuardedResolver) -> None:
        """Raise UpstreamRefused unless we may go to ``url``, as far as that is known before a look-up."""
        if home.scheme == "https" and url.scheme != "https":
            raise UpstreamRefused(f"{shown(url)} is not asked: it is not https, though its index is.")
        host, port = url.raw_host or "", url.port or 0
        if self._proxy:
            admitted = resolver.allowance.admits_name(host, port)
        elif ":" in host or actual(host) is not None:
            # An address needs no look-up, so the resolver will never see it.
            admitted = await resolver.admits(host, port, address=host)
        else:
            admitted = True
        if not admitted:
            raise _refused(host)


class _GuardedResolver(AbstractResolver):
    """Looks up hosts, and gives only addresses that the source may make us connect to.

    What is given here is what is connected to, so an answer that changes between two look-ups
    (DNS rebinding) gains nothing.
    """

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self._lookup = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: AddressFamily = AF_INET) -> list[ResolveResult]:
        """Look a host up. Raises UpstreamRefused when none of its addresses is admitted."""
        found = await self._lookup.resolve(host, port, family)
        kept = [each for each in found if await self.admits(host, port, address=each["host"])]
        if not kept:
            raise _refused(host)
        return kept

    async def admits(self, host: str, port: int, *, address: str) -> bool:
        """Ask the allowance, looking up the source's own host only if that may make a difference."""
        if self.allowance.admits(host, port, address=address):
            return True
        own = await self._lookup.resolve(self.allowance.own, port, AddressFamily.AF_UNSPEC)
        return self.allowance.admits(host, port, address=address, own=[each["host"] for each in own])

    async def close(self) -> None:
        """Nothing to close."""


def _basic(source: Source) -> str:
    pair = f"{source.username}:{source.password}".encode()
    return f"Basic {b64encode(pair).decode('ascii')}"


def _refused(host: str) -> UpstreamRefused:
    return UpstreamRefused(
        f"{host} is not asked: its address is neither public nor one of the index's own. "
        f"If its files may come from there, list it as a file host of the repository."
    )
