"""A reverse proxy on loopback that writes down what passes: what a client asked for, and what it got.

    with Recorder("http://127.0.0.1:<port of localshop>") as recorder:
        recorder.url                                   # "http://127.0.0.1:<own port>"
        [each.status for each in recorder.seen("/repo/default/demo/")]

It changes nothing but the hop: paths, headers and bodies are handed on as they come, encoded as they are.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

_THE_HOPS_OWN = {"connection", "keep-alive", "transfer-encoding"}
_NOTHING_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. ``path`` is raw, with its query; headers ignore case."""

    method: str
    path: str
    asked: CIMultiDictProxy[str]
    status: int
    answered: CIMultiDictProxy[str]
    size: int


class Recorder:
    """See the top of this file."""

    def __init__(self, target):
        self.target = target
        self.url = ""
        self._seen = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="recorder", daemon=True)

    def __enter__(self):
        self._thread.start()
        self._run(self._open())
        return self

    def __exit__(self, *_):
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def seen(self, pattern="*"):
        """What has passed whose path (without query) matches a shell pattern, in order of the answers."""
        return [each for each in self._seen if fnmatchcase(each.path.partition("?")[0], pattern)]

    def statuses(self, pattern="*"):
        return [each.status for each in self.seen(pattern)]

    def forget(self):
        """Start anew."""
        self._seen.clear()

    def _run(self, work):
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=20)

    async def _open(self):
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            skip_auto_headers=_NOTHING_ADDED,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(60),
            connector=aiohttp.TCPConnector(limit=0),
        )
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.05)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _close(self):
        await self._runner.cleanup()
        await self._session.close()
        await asyncio.sleep(0.01)

    async def _handle(self, request):
        asked = CIMultiDictProxy(_without_hop(request.headers))
        body = await request.read() if request.can_read_body else None
        url = URL(self.target + request.raw_path, encoded=True)
        async with self._session.request(
            request.method, url, headers=asked, data=body, allow_redirects=False
        ) as answer:
            answered = CIMultiDictProxy(_without_hop(answer.headers))
            whole = await answer.read()
            self._seen.append(
                Exchange(request.method, request.raw_path, asked, answer.status, answered, len(whole))
            )
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=answered)
        await response.prepare(request)
        if whole:
            await response.write(whole)
        return response


def _without_hop(headers):
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _THE_HOPS_OWN)
