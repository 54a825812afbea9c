"""Asking an upstream over HTTP. This is the only file that knows the HTTP client (aiohttp)."""

from __future__ import annotations

import asyncio
import ssl
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from socket import AF_INET, AddressFamily
from typing import Literal, NoReturn
from urllib.parse import quote

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from localshop import __version__
from localshop.errors import (
    UpstreamDenied,
    UpstreamError,
    UpstreamGone,
    UpstreamNonsense,
    UpstreamRefused,
    UpstreamUnavailable,
)
from localshop.upstream.addresses import origin, parse, shown
from localshop.upstream.answers import PageAnswer, SmallAnswer, Stream
from localshop.upstream.breaker import Breaker
from localshop.upstream.guard import Allowance, actual
from localshop.upstream.headers import content_range, moment, number, retry_after
from localshop.upstream.inflate import Gathering
from localshop.upstream.measured import measured
from localshop.upstream.source import Source

PAGE_LIMIT = 64 << 20
_LIST_LIMIT = 8 << 20
_HOPS = 5
_HEADERS_LIMIT = 64 << 10
_PAGE_SECONDS = 10
_PER_HOST = 32
_BUFFER = 256 << 10

# A whole page, or some metadata, has its own time limit around all hops.
_SMALL_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5)
# ``connect`` includes the wait for a free connection, when many files come at once.
_FILE_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=30, sock_connect=5, sock_read=30)

# What pip says. Upstreams exist that tell upload times only to those who speak like pip.
_PAGE_ACCEPT = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
)
_MOST_BREAKERS = 1000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class UpstreamClient:
    """Asks upstreams, for one event loop.

    Nothing of a client's request goes upstream: what is sent is made of the arguments alone.
    Errors are UpstreamUnavailable (no answer, or a failure), UpstreamGone (not there, where a file
    was expected), UpstreamRefused (we do not connect there) and UpstreamNonsense (cannot be
    believed). Their sentences name URLs without user name, password and query.
    """

    def __init__(self, *, proxy: str = "", offline: bool = False) -> None:
        self._proxy = proxy or None
        self._offline = offline
        # A pooled connection is used again without a look at its address, so what one source may
        # reach must not be in the pool of another.
        self._sessions: dict[Allowance, tuple[aiohttp.ClientSession, _GuardedResolver]] = {}
        self._breakers: dict[tuple[str, str, int | None], Breaker] = {}

    async def page(
        self, source: Source, project: str, *, etag: str = "", last_modified: str = ""
    ) -> PageAnswer:
        """Fetch the page of a project (its normalised name), in at most 10 seconds.

        With ``etag`` or ``last_modified`` of an earlier answer, ``unchanged`` may be the answer.
        """
        url = f"{source.url}{quote(project, safe='')}/"
        return await self._page_at(source, url, etag=etag, last_modified=last_modified)

    async def names(self, source: Source) -> PageAnswer:
        """Fetch the list of all projects, in at most 10 seconds."""
        return await self._page_at(source, source.url, limit=_LIST_LIMIT)

    async def _page_at(
        self,
        source: Source,
        url: str,
        *,
        limit: int | None = None,
        etag: str = "",
        last_modified: str = "",
    ) -> PageAnswer:
        headers = {"Accept": _PAGE_ACCEPT, "Accept-Encoding": "gzip"}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        with self._watched(url):
            async with (
                asyncio.timeout(_PAGE_SECONDS),
                await self._ask(source, url, headers=headers, limits=_SMALL_TIMEOUT) as response,
            ):
                if response.status in {404, 410}:
                    return _page(response, state="absent")
                if response.status == 304 and (etag or last_modified):
                    return _page(response, state="unchanged", etag=etag, last_modified=last_modified)
                if response.status != 200:
                    _fail(response)
                encoding = response.headers.get("Content-Encoding", "").strip().lower()
                if encoding not in {"", "identity", "gzip", "x-gzip"}:
                    raise UpstreamNonsense(f"{shown(url)}: its encoding {encoding!r} was not asked for.")
                body = await _whole(response, limit=limit or PAGE_LIMIT, gzip=encoding.endswith("gzip"))
                return _page(response, state="found", body=body)

    async def small(
        self, source: Source, url: str, *, limit: int, start: int | None = None, stop: int | None = None
    ) -> SmallAnswer:
        """Fetch metadata (no ``start``), or the bytes from ``start`` up to ``stop``, in at most 10 seconds.

        An upstream without ranges answers 200 and the whole file, if that fits the limit in bytes;
        what does not fit raises UpstreamNonsense.
        """
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if start is not None:
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        with self._watched(url):
            async with (
                asyncio.timeout(_PAGE_SECONDS),
                await self._ask(source, url, headers=headers, limits=_SMALL_TIMEOUT) as response,
            ):
                if response.status in {404, 410}:
                    return SmallAnswer(status=404)
                status, begin, size = _extent(response, asked=start)
                if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
                    raise UpstreamNonsense(f"{shown(url)}: it is compressed, though that was not asked for.")
                body = await _whole(response, limit=limit, gzip=False)
                wanted = None if stop is None else stop - begin
                if size is not None:
                    wanted = size - begin if wanted is None else min(wanted, size - begin)
                if status == 206 and wanted is not None and len(body) != wanted:
                    raise UpstreamNonsense(f"{shown(url)}: {wanted} bytes were asked for, {len(body)} came.")
                return SmallAnswer(status=status, body=body, total=len(body) if status == 200 else size)

    @asynccontextmanager
    async def open(
        self, source: Source, url: str, *, start: int = 0, if_range: str = ""
    ) -> AsyncIterator[Stream]:
        """Open a file for reading from ``start`` on, if it still has the strong ETag ``if_range``.

        The body comes as it is stored there: it is checked against a digest by who reads it.
        """
        # Some servers call .tar.gz gzip-encoded. The bytes are the file all the same.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if if_range:
                headers["If-Range"] = if_range
        with self._watched(url):
            response = await self._ask(source, url, headers=headers, limits=_FILE_TIMEOUT)
        async with response:
            if response.status in {404, 410}:
                raise UpstreamGone(f"{shown(url)} is not there (any more): {response.status}.")
            status, begin, size = _extent(response, asked=start or None)
            etag = response.headers.get("ETag", "")
            yield Stream(
                status=status, size=size, start=begin, etag=etag, pieces=_pieces(response, begin, size)
            )

    async def changed(self, url: str, *, etag: str = "") -> AsyncIterator[tuple[str, bytes]]:
        """Read a large file at an address that an administrator has set, unless it is as it was.

        Gives its ETag now with each piece; nothing at all: it still has ``etag``.
        """
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if etag:
            headers["If-None-Match"] = etag
        source, address = _set_by_hand(url)
        with self._watched(address):
            response = await self._ask(source, address, headers=headers, limits=_FILE_TIMEOUT)
        async with response:
            if response.status == 304 and etag:
                return
            if response.status != 200:
                _fail(response)
            now, empty = response.headers.get("ETag", ""), True
            async for piece in _pieces(response, 0, response.content_length):
                empty = False
                yield now, piece
            if empty:
                raise UpstreamNonsense(f"{shown(address)} is empty.")

    async def post(self, url: str, body: bytes) -> None:
        """Post JSON to an address that an administrator has set, and to no other: redirects are failures.

        It is no upstream, so it is told also where none may be asked. Raises ``UpstreamError``.
        """
        source, address = _set_by_hand(url)
        home = parse(source.url)
        session, resolver = self._session(home, source)
        headers = {"Content-Type": "application/json"}
        if source.username or source.password:
            headers["Authorization"] = _basic(source)
        with self._watched(address):
            await self._judge(parse(address), home=home, resolver=resolver)
            async with (
                asyncio.timeout(_PAGE_SECONDS),
                session.post(
                    parse(address),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    proxy=self._proxy,
                    timeout=_SMALL_TIMEOUT,
                ) as response,
            ):
                if not 200 <= response.status < 300:
                    _fail(response)

    @contextmanager
    def _watched(self, url: str) -> Iterator[None]:
        """Ask an origin only when it is not resting, and take note of how it went."""
        key = origin(parse(url))
        if len(self._breakers) >= _MOST_BREAKERS:
            self._breakers.clear()
        breaker = self._breakers.setdefault(key, Breaker())
        rest = breaker.rests_for(time.monotonic())
        if rest:
            raise UpstreamUnavailable(
                f"{shown(url)} is not asked for {rest:.0f} s more: its server has failed too often.",
                retry_after=rest,
            )
        try:
            with measured(key), _told(url):
                yield
        except (UpstreamGone, UpstreamDenied):
            breaker.succeeded()
            raise
        except UpstreamUnavailable as error:
            breaker.failed(time.monotonic(), retry_after=error.retry_after)
            raise
        else:
            breaker.succeeded()

    async def close(self) -> None:
        """Close all connections."""
        while self._sessions:
            _, (session, _) = self._sessions.popitem()
            await session.close()

    async def _ask(
        self, source: Source, address: str, *, headers: Mapping[str, str], limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
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

    def _session(self, home: URL, source: Source) -> tuple[aiohttp.ClientSession, _GuardedResolver]:
        allowance = Allowance.of(home.raw_host or "", file_hosts=source.file_hosts)
        if allowance not in self._sessions:
            resolver = _GuardedResolver(allowance)
            connector = aiohttp.TCPConnector(
                resolver=aiohttp.ThreadedResolver() if self._proxy else resolver,
                limit=4 * _PER_HOST,
                limit_per_host=_PER_HOST,
                ssl=ssl.create_default_context(),
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


def _set_by_hand(url: str) -> tuple[Source, str]:
    """What may be reached for an address out of the settings, and the address without its credentials."""
    parts = URL(url)
    plain = parts.with_user(None).with_fragment(None)
    source = Source(0, str(plain.origin()) + "/", parts.user or "", parts.password or "")
    return source, str(plain)


async def _pieces(response: aiohttp.ClientResponse, begin: int, size: int | None) -> AsyncIterator[bytes]:
    url, reached = str(response.url), begin
    while True:
        with _told(url):
            piece = await response.content.readany()
        if not piece:
            break
        reached += len(piece)
        yield piece
    if size is not None and reached != size:
        raise UpstreamUnavailable(f"{shown(url)} stopped at {reached:,} of {size:,} bytes.")


async def _whole(response: aiohttp.ClientResponse, *, limit: int, gzip: bool) -> bytes:
    name = shown(response.url)
    if (response.content_length or 0) > limit:
        raise UpstreamNonsense(f"{name}: its answer is larger than {limit:,} bytes.")
    gathering = Gathering(name, limit=limit, gzip=gzip)
    while piece := await response.content.readany():
        gathering.feed(piece)
    return gathering.finish()


def _extent(
    response: aiohttp.ClientResponse, *, asked: int | None
) -> tuple[Literal[200, 206], int, int | None]:
    """Return the status, where the body begins, and the size of the whole file."""
    if response.status == 200:
        return 200, 0, response.content_length
    if response.status != 206:
        _fail(response)
    extent = content_range(response.headers.get("Content-Range", ""))
    if asked is None or extent is None or extent[0] != asked:
        raise UpstreamNonsense(f"{shown(response.url)} answered with a part that was not asked for.")
    return 206, asked, extent[2]


def _page(
    response: aiohttp.ClientResponse,
    *,
    state: Literal["found", "absent", "unchanged"],
    body: bytes = b"",
    etag: str = "",
    last_modified: str = "",
) -> PageAnswer:
    return PageAnswer(
        state=state,
        body=body,
        content_type=response.headers.get("Content-Type", ""),
        url=str(response.url),
        etag=response.headers.get("ETag", etag),
        last_modified=response.headers.get("Last-Modified", last_modified),
        serial=number(response.headers.get("X-PyPI-Last-Serial", "")),
        date=moment(response.headers.get("Date", "")),
    )


def _fail(response: aiohttp.ClientResponse) -> NoReturn:
    """Raise what an answer amounts to that is not of the kind that was asked for."""
    sentence = f"{shown(response.url)} answered {response.status}."
    if 400 <= response.status < 500 and response.status not in {408, 416, 425, 429}:
        raise UpstreamDenied(sentence, status=response.status)
    if response.status >= 400 and response.status != 416:
        wait = retry_after(response.headers.get("Retry-After", ""), now=datetime.now(UTC))
        raise UpstreamUnavailable(sentence, retry_after=wait)
    raise UpstreamNonsense(sentence)


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Turn what the HTTP client raises into our errors; its own texts may quote the URL in full."""
    try:
        yield
    except UpstreamError:
        raise
    except TimeoutError as error:
        raise UpstreamUnavailable(f"{shown(url)} did not answer in time.") from error
    except aiohttp.InvalidURL as error:
        raise UpstreamRefused(f"{shown(url)} is not asked: it is not a proper address.") from error
    except aiohttp.ClientHttpProxyError as error:
        raise UpstreamUnavailable(f"{shown(url)}: the proxy answered {error.status}.") from error
    except aiohttp.ClientSSLError as error:
        raise UpstreamUnavailable(f"{shown(url)}: no safe connection: {error.os_error}.") from error
    except aiohttp.ClientConnectorError as error:
        raise UpstreamUnavailable(f"{shown(url)}: no connection: {error.strerror}.") from error
    except aiohttp.ClientResponseError as error:
        raise UpstreamNonsense(f"{shown(url)}: its answer is not HTTP.") from error
    except aiohttp.ClientError as error:
        raise UpstreamUnavailable(f"{shown(url)} broke off its answer.") from error
    except OSError as error:
        raise UpstreamUnavailable(f"{shown(url)}: no connection: {error.strerror}.") from error


def _basic(source: Source) -> str:
    pair = f"{source.username}:{source.password}".encode()
    return f"Basic {b64encode(pair).decode('ascii')}"


def _refused(host: str) -> UpstreamRefused:
    return UpstreamRefused(
        f"{host} is not asked: its address is neither public nor one of the index's own. "
        f"If its files may come from there, list it as a file host of the repository."
    )
