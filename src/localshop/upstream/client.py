"""Asking an upstream: for pages, metadata and files, and leaving it alone while it fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Literal
from urllib.parse import quote

from yarl import URL

from localshop.errors import UpstreamDenied, UpstreamGone, UpstreamNonsense, UpstreamUnavailable
from localshop.upstream.addresses import origin, parse, shown
from localshop.upstream.answers import PageAnswer, SmallAnswer, Stream
from localshop.upstream.breaker import Breaker
from localshop.upstream.headers import moment, number
from localshop.upstream.http.connections import FILE, SMALL, Connections, trusted
from localshop.upstream.http.responses import Response, extent, fail, pieces, whole
from localshop.upstream.http.told import told
from localshop.upstream.measured import measured
from localshop.upstream.source import Source

PAGE_LIMIT = 64 << 20
_LIST_LIMIT = 8 << 20
_PAGE_SECONDS = 10

# What pip says. Upstreams exist that tell upload times only to those who speak like pip.
_PAGE_ACCEPT = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
)
_MOST_BREAKERS = 1000


def get_ready() -> None:
    """Do what takes long and is the same for all processes, in the one that they are forked from."""
    trusted()


class UpstreamClient:
    """Asks upstreams, for one event loop.

    Nothing of a client's request goes upstream: what is sent is made of the arguments alone.
    Errors are UpstreamUnavailable (no answer, or a failure), UpstreamGone (not there, where a file
    was expected), UpstreamRefused (we do not connect there) and UpstreamNonsense (cannot be
    believed). Their sentences name URLs without user name, password and query.
    """

    def __init__(self, *, proxy: str = "", offline: bool = False) -> None:
        self._connections = Connections(proxy=proxy, offline=offline)
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
                await self._connections.get(source, url, headers=headers, limits=SMALL) as response,
            ):
                if response.status in {404, 410}:
                    return _page(response, state="absent")
                if response.status == 304 and (etag or last_modified):
                    return _page(response, state="unchanged", etag=etag, last_modified=last_modified)
                if response.status != 200:
                    fail(response)
                encoding = response.headers.get("Content-Encoding", "").strip().lower()
                if encoding not in {"", "identity", "gzip", "x-gzip"}:
                    raise UpstreamNonsense(f"{shown(url)}: its encoding {encoding!r} was not asked for.")
                body = await whole(response, limit=limit or PAGE_LIMIT, gzip=encoding.endswith("gzip"))
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
                await self._connections.get(source, url, headers=headers, limits=SMALL) as response,
            ):
                if response.status in {404, 410}:
                    return SmallAnswer(status=404)
                status, begin, size = extent(response, asked=start)
                if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
                    raise UpstreamNonsense(f"{shown(url)}: it is compressed, though that was not asked for.")
                body = await whole(response, limit=limit, gzip=False)
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
            response = await self._connections.get(source, url, headers=headers, limits=FILE)
        async with response:
            if response.status in {404, 410}:
                raise UpstreamGone(f"{shown(url)} is not there (any more): {response.status}.")
            status, begin, size = extent(response, asked=start or None)
            etag = response.headers.get("ETag", "")
            yield Stream(
                status=status, size=size, start=begin, etag=etag, pieces=pieces(response, begin, size)
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
            response = await self._connections.get(source, address, headers=headers, limits=FILE)
        async with response:
            if response.status == 304 and etag:
                return
            if response.status != 200:
                fail(response)
            now, empty = response.headers.get("ETag", ""), True
            async for piece in pieces(response, 0, response.content_length):
                empty = False
                yield now, piece
            if empty:
                raise UpstreamNonsense(f"{shown(address)} is empty.")

    async def post(self, url: str, body: bytes) -> None:
        """Post JSON to an address that an administrator has set, and to no other: redirects are failures.

        It is no upstream, so it is told also where none may be asked. Raises ``UpstreamError``.
        """
        source, address = _set_by_hand(url)
        with self._watched(address):
            async with (
                asyncio.timeout(_PAGE_SECONDS),
                await self._connections.post(source, address, body) as response,
            ):
                if not 200 <= response.status < 300:
                    fail(response)

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()

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
            with measured(key), told(url):
                yield
        except (UpstreamGone, UpstreamDenied):
            breaker.succeeded()
            raise
        except UpstreamUnavailable as error:
            breaker.failed(time.monotonic(), retry_after=error.retry_after)
            raise
        else:
            breaker.succeeded()


def _set_by_hand(url: str) -> tuple[Source, str]:
    """What may be reached for an address out of the settings, and the address without its credentials."""
    parts = URL(url)
    plain = parts.with_user(None).with_fragment(None)
    source = Source(0, str(plain.origin()) + "/", parts.user or "", parts.password or "")
    return source, str(plain)


def _page(
    response: Response,
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
