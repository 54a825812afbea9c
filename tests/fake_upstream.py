"""A package index on loopback that does what it is told: the upstream of every test that needs one.

    with FakeUpstream() as upstream:
        held = upstream.add(wheel("Demo", "1.0"), upload_time="2024-01-02T03:04:05.000000Z")
        upstream.url                                  # "http://127.0.0.1:<port>/simple/"
        upstream.file_url(held)                       # ".../packages/aa/bb/rest/demo-1.0-py3-none-any.whl"
        upstream.count("/simple/demo/"), upstream.count("/packages/*")
        upstream.seen("*")[-1].headers["User-Agent"]

It runs in a thread with an event loop of its own, so tests of any kind can use it.

Switches, all of which may be changed at any time: ``html_only``, ``etags``, ``gzip``, ``ranges``,
``relative`` (file URLs), ``hashes`` (in the page), ``upload_times`` ("always", "pip": only for who
accepts pip's types, "never"), ``auth`` ((user, password) or None), ``serial``, ``status`` (project
-> PEP 792 status), ``extra`` (unknown top-level keys), ``file_base`` (scheme and host in absolute
file URLs), ``missing`` (what it answers where there is nothing: 404, or 403 as buckets do), ``based``
(HTML pages with a ``<base>``), ``plus`` (how a plus sign stands in file URLs), ``clock`` (what its
answers say of the time, in seconds since the epoch) and ``away`` (seconds
that a packet takes to come here and back: each request costs one such trip, each connection another).
``frozen``: nothing will change any more, so a page is written once, as benchmarks need it.
``hashes`` may also be names of algorithms. Each file that ``add`` returns has its own: ``metadata``
("advertised", "unadvertised": there, but not said, "absent"), ``upload_time``, ``yanked``, ``extra``.

Faults hold for paths that match a shell pattern, the newest first, until ``heal``:

    upstream.fault("/simple/*", status=503, retry_after="3")
    upstream.fault("/packages/*", cut=1000)           # closes the connection after 1,000 bytes of body
    upstream.fault("*", hang=True)                    # until heal(), then answers
    upstream.fault("*", drip=2000)                    # bytes a second
    upstream.fault("*", change=flipped)               # also: longer, shorter, garbage, empty, portal
    upstream.fault("*", reset=1000)                   # as ``cut``, but by a RST
    upstream.fault("*", unsized=True, cut=1000)       # no Content-Length: nobody can tell that it is cut
    upstream.fault("*", delay=1.5)                    # seconds before it answers
    upstream.fault("*", pause=100_000)                # sends so much, and the rest after heal()
    upstream.fault("*", bad_gzip=True, times=1)       # only the next request
    upstream.fault("*", redirect="http://127.0.0.2/")
    upstream.fault("*", headers={"Set-Cookie": "a=b"}, without=("Content-Type",))
    upstream.heal()
    upstream.stop(); upstream.start()                 # connection refused; then again on the same port

``FakeUpstream(tls=True)`` serves https with the certificate in ``CERTIFICATE``, which nobody
trusts by itself; ``host`` may be another loopback address, such as 127.0.0.2.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from email.utils import formatdate
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from distributions import Distribution
from fake_faults import (
    Answer,
    Fault,
    empty,
    encode,
    flipped,
    garbage,
    longer,
    portal,
    send,
    shorter,
    spoil,
)
from fake_pages import Held, Page, html_page, json_page, list_html, list_json

__all__ = ["CERTIFICATE", "FakeUpstream", "empty", "flipped", "garbage", "longer", "portal", "shorter"]

CERTIFICATE = Path(__file__).with_name("loopback.pem")
JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came. ``path`` is raw, with its query; headers ignore case."""

    method: str
    path: str
    headers: CIMultiDictProxy[str]


class _Server(web.Server):
    """Notes when each connection was begun."""

    def __init__(self, upstream: FakeUpstream) -> None:
        super().__init__(upstream._handle, access_log=None)
        self._begun = upstream._begun

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        self._begun[handler] = asyncio.get_running_loop().time()
        super().connection_made(handler, transport)


class FakeUpstream:
    """See the top of this file."""

    def __init__(self, *, host: str = "127.0.0.1", tls: bool = False) -> None:
        self.html_only = False
        self.etags = True
        self.gzip = True
        self.ranges = True
        self.relative = False
        self.hashes: bool | tuple[str, ...] = True
        self.missing = 404
        self.based = False
        self.plus = "+"
        self.away = 0.0
        self.frozen = False
        self.upload_times = "always"
        self.auth: tuple[str, str] | None = None
        self.serial: int | None = None
        self.clock: Callable[[], float] = time.time
        self.status: dict[str, str] = {}
        self.extra: dict[str, object] = {}
        self.host, self.port = host, 0
        self._base = ""
        self._tls = tls
        self._held: dict[str, list[Held]] = {}
        self._written: dict[tuple[str, bool], bytes] = {}
        self._at: dict[str, Held] = {}
        self._begun: dict[object, float] = {}
        self._seen: list[Seen] = []
        self._faults: list[Fault] = []
        self._runner: web.ServerRunner | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-upstream", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # What a test does with it.

    @property
    def base(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.base}/simple/"

    @property
    def file_base(self) -> str:
        return self._base or self.base

    @file_base.setter
    def file_base(self, base: str) -> None:
        self._base = base

    def add(self, distribution: Distribution, **says: object) -> Held:
        """Hold a file; ``says`` are fields of ``Held``. One of the same name is replaced."""
        held = Held(distribution, **says)  # type: ignore[arg-type]
        self.remove(held.filename)
        self._held.setdefault(distribution.normalised, []).append(held)
        self._at[f"/{distribution.path}"] = held
        return held

    def remove(self, filename: str) -> None:
        """Forget a file; its project stays, maybe without files."""
        for project, files in self._held.items():
            gone = [each for each in files if each.filename == filename]
            if not gone:
                continue
            self._held[project] = [each for each in files if each.filename != filename]
            for held in gone:
                self._at.pop(f"/{held.distribution.path}", None)

    def file_url(self, held: Held) -> str:
        return f"{self.file_base}/{held.distribution.path}"

    def seen(self, pattern: str = "*") -> list[Seen]:
        """The requests so far whose path (without query) matches a shell pattern, in order."""
        return [each for each in self._seen if fnmatchcase(each.path.partition("?")[0], pattern)]

    def count(self, pattern: str = "*") -> int:
        return len(self.seen(pattern))

    def forget(self) -> None:
        """Start counting anew."""
        self._seen.clear()

    def fault(self, pattern: str, **what: object) -> None:
        """Break something; ``what`` are fields of ``Fault``."""
        self._faults.insert(0, Fault(pattern, **what))  # type: ignore[arg-type]

    def heal(self) -> None:
        """Take all faults back; what hangs goes on."""
        self._faults.clear()

    @property
    def opened(self) -> int:
        """How many connections there have been."""
        return len(self._begun)

    def stop(self) -> None:
        """Close the listener and all connections: from now on connections are refused."""
        if self._runner is not None:
            self._run(self._close(self._runner))
            self._runner = None

    def start(self) -> None:
        """Listen, again on the same port after a stop."""
        if self._runner is None:
            self._run(self._listen())

    # How it does it.

    def _run(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=20)

    async def _listen(self) -> None:
        context = None
        if self._tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(CERTIFICATE)
        self._runner = web.ServerRunner(_Server(self), shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port, ssl_context=context, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _close(self, runner: web.ServerRunner) -> None:
        # Connections on which nothing was asked may not have come as far as to the server yet, and a server
        # that is closed loses them.
        accepting = [task for task in asyncio.all_tasks() if "accept_connection" in repr(task.get_coro())]
        if accepting:
            _, shaking_hands = await asyncio.wait(accepting, timeout=0.1)
            for task in shaking_hands:
                task.cancel()
        open_ones = [] if runner.server is None else [each.transport for each in runner.server.connections]
        await runner.cleanup()
        for transport in open_ones:
            if transport is not None:
                transport.abort()  # TLS would wait for a goodbye of the client, who may be waiting for us.
        await asyncio.sleep(0.01)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = CIMultiDictProxy(CIMultiDict(request.headers))
        self._seen.append(Seen(request.method, request.raw_path, headers))
        fault = self._fault(request.path) or Fault("")
        await self._travel(request, fault.delay)
        while fault.hang and fault in self._faults:
            await asyncio.sleep(0.01)
        answer = spoil(self._answer(request), fault)
        wanted = self.gzip and "gzip" in request.headers.get("Accept-Encoding", "")
        encode(answer, wanted=wanted, bad=fault.bad_gzip)
        answer.headers["Date"] = formatdate(self.clock(), usegmt=True)
        answer.headers.update(fault.headers)
        return await send(request, answer, fault=fault, holds=lambda: fault in self._faults)

    async def _travel(self, request: web.BaseRequest, delay: float) -> None:
        """Take the time that the way takes."""
        if self.away:
            # A connection can be used one such trip after it was begun.
            delay += self.away + max(0.0, self._begun[request.protocol] + self.away - self._loop.time())
        if delay:
            await asyncio.sleep(delay)

    def _fault(self, path: str) -> Fault | None:
        for fault in self._faults:
            if fault.times != 0 and fnmatchcase(path, fault.pattern):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def _answer(self, request: web.BaseRequest) -> Answer:
        if self.auth is not None:
            expected = "Basic " + base64.b64encode(":".join(self.auth).encode()).decode()
            if request.headers.get("Authorization") != expected:
                return Answer(401, headers={"WWW-Authenticate": 'Basic realm="fake"'})
        if match := re.fullmatch(r"/simple/([^/]+)/?", request.path):
            return self._project(request, match[1])
        if request.path == "/simple/":
            return self._list(request)
        body = self._body(request.path)
        return Answer(self.missing) if body is None else self._file(request, body)

    def _body(self, path: str) -> bytes | None:
        """The bytes of a file, or of what stands beside it."""
        for suffix in (".metadata", ".provenance", ""):
            held = self._at.get(path.removesuffix(suffix)) if path.endswith(suffix) else None
            if held is None:
                continue
            if suffix == ".metadata":
                return held.distribution.metadata if held.metadata != "absent" else None
            return held.provenance if suffix else held.body
        return None

    def _list(self, request: web.BaseRequest) -> Answer:
        if self.html_only or JSON not in request.headers.get("Accept", ""):
            return Answer(200, list_html(self._held), {"Content-Type": "text/html"})
        return Answer(200, list_json(self._held), {"Content-Type": JSON})

    def _project(self, request: web.BaseRequest, name: str) -> Answer:
        project = re.sub(r"[-_.]+", "-", name).lower()
        if request.path != f"/simple/{project}/":
            return Answer(301, headers={"Location": f"/simple/{project}/"})
        if project not in self._held:
            return Answer(self.missing)
        accept = request.headers.get("Accept", "")
        timed = self.upload_times == "always" or (self.upload_times == "pip" and "pypi.simple" in accept)
        html = self.html_only or JSON not in accept
        files = self._held[project]
        how = Page(
            base="../.." if self.relative else self.file_base,
            timed=timed,
            hashes=self._hashes(),
            plus=self.plus,
            based=self.based,
        )
        body = self._written.get((project, html)) if self.frozen else None
        if body is None:
            body = html_page(files, how=how) if html else json_page(files, how=how, root=self._root(project))
            self._written[project, html] = body
        headers = {"Content-Type": "text/html" if html else JSON, "Vary": "Accept, Accept-Encoding"}
        if self.serial is not None:
            headers["X-PyPI-Last-Serial"] = str(self.serial)
        if self.etags:
            # Of a large file this takes longer than all that a benchmark asks for.
            told = body[: 1 << 20] if self.frozen else body
            headers["ETag"] = f'"{hashlib.md5(told).hexdigest()}"'
            if request.headers.get("If-None-Match") == headers["ETag"]:
                return Answer(304, headers=headers)
        return Answer(200, body, headers)

    def _hashes(self) -> tuple[str, ...]:
        if isinstance(self.hashes, bool):
            return ("sha256",) if self.hashes else ()
        return self.hashes

    def _root(self, project: str) -> dict[str, object]:
        status = {"status": self.status.get(project, "active")}
        meta = {"api-version": "1.4", "_last-serial": self.serial or 0}
        return {"meta": meta, "name": project, "project-status": status, **self.extra}

    def _file(self, request: web.BaseRequest, body: bytes) -> Answer:
        headers = {"Content-Type": "application/octet-stream"}
        if self.etags:
            # Of a large file this takes longer than all that a benchmark asks for.
            told = body[: 1 << 20] if self.frozen else body
            headers["ETag"] = f'"{hashlib.md5(told).hexdigest()}"'
        match = re.fullmatch(r"bytes=([0-9]*)-([0-9]*)", request.headers.get("Range", ""))
        if_range = request.headers.get("If-Range")
        if not self.ranges or match is None or if_range not in {None, headers.get("ETag")}:
            return Answer(200, body, headers)
        start, stop = int(match[1] or 0), min(int(match[2] or len(body)) + 1, len(body))
        if not match[1]:
            start, stop = max(0, len(body) - int(match[2])), len(body)
        if start >= stop:
            return Answer(416, headers={"Content-Range": f"bytes */{len(body)}"})
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
        return Answer(206, body[start:stop], headers)
