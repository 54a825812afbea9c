"""A client that speaks ASGI to an application in this process: what comes back, whole, as a value."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


class Browser:
    """Runs the application's lifespan as long as its context is open."""

    def __init__(self, application, *, peer="127.0.0.1"):
        self.application = application
        self.peer = peer

    async def __aenter__(self):
        self._inbox = asyncio.Queue()
        self._outbox = asyncio.Queue()
        self._living = asyncio.create_task(
            self.application({"type": "lifespan"}, self._inbox.get, self._outbox.put)
        )
        await self._inbox.put({"type": "lifespan.startup"})
        started = asyncio.create_task(self._outbox.get())
        await asyncio.wait({started, self._living}, return_when=asyncio.FIRST_COMPLETED)
        if self._living.done():
            self._living.result()
        return self

    async def __aexit__(self, *_):
        await self._inbox.put({"type": "lifespan.shutdown"})
        await self._living

    async def get(self, url, **kwargs):
        return await self.ask("GET", url, **kwargs)

    async def head(self, url, **kwargs):
        return await self.ask("HEAD", url, **kwargs)

    async def ask(self, method, url, *, headers=None, auth=None, peer=None, body=b""):
        """One request; ``auth`` is (name, secret), ``url`` is sent as it is written."""
        parts = urlsplit(url)
        sent = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        if auth is not None:
            pair = base64.b64encode(":".join(auth).encode())
            sent.append((b"authorization", b"Basic " + pair))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(b"host", b"localhost"), *sent],
            "client": (peer or self.peer, 50000),
            "server": ("127.0.0.1", 8000),
        }
        inbox = asyncio.Queue()
        await inbox.put({"type": "http.request", "body": body, "more_body": False})
        messages = []

        async def send(message):
            messages.append(message)

        await self.application(scope, inbox.get, send)
        start, *rest = messages
        assert {message["type"] for message in rest} == {"http.response.body"}, "An answer begins once."
        answer = Answer(
            status=start["status"],
            headers={name.decode().lower(): value.decode() for name, value in start["headers"]},
            body=b"".join(bytes(message.get("body", b"")) for message in rest),
            cookies=tuple(
                value.decode() for name, value in start["headers"] if name.lower() == b"set-cookie"
            ),
        )
        if method == "HEAD" or answer.status == 304:
            assert answer.body == b""
        return answer
