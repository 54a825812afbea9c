"""The front door of a web process: index reads go to the index, all else to Django."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, MutableMapping
from functools import partial
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "localshop.settings")

import django

django.setup()

from django.core.handlers.asgi import ASGIHandler

from localshop import config
from localshop.access import Gate
from localshop.access.address import visitor
from localshop.catalog.schema import why_not_ready
from localshop.index.answers import Receive, Scope, Send, say
from localshop.index.door import IndexDoor
from localshop.index.downloads import write_downloads
from localshop.index.refusals import write_refusals
from localshop.mirror.file import write_uses
from localshop.observe import shared
from localshop.observe.counters import Key, key_of, tally
from localshop.observe.log import event, get_logger
from localshop.shop import Shop, open_shop
from localshop.uploads.form import remove_abandoned

_FLUSH_EVERY = 5.0
_LARGEST_FORM = 2_500_000
_REQUESTS: dict[tuple[str, int], Key] = {}
"""What a request counts as, by its door and status."""

log = get_logger(__name__)


class FrontDoor:
    """One ASGI application for everything: built once in each web process."""

    def __init__(self, *, looks_first: bool = False) -> None:
        """``looks_first``: do not start with a database that is not of this version."""
        self._looks_first = looks_first
        self._django = ASGIHandler()
        self._shop: Shop | None = None
        self._gate: Gate | None = None
        self._index: IndexDoor | None = None
        mount = config.current().mount_path
        self._below = tuple(f"{mount}/{name}" for name in ("repo/", "simple/", "pypi/", "osv/"))
        self._lists = frozenset(f"{mount}/{name}" for name in ("repo", "simple", "pypi"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a request through the right door."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        status = 0

        def counted(message: MutableMapping[str, Any]) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        path = scope["path"]
        try:
            if self._index is not None and (path.startswith(self._below) or path in self._lists):
                await self._index(scope, receive, counted)
            else:
                await self._to_django(scope, receive, counted)
        finally:
            how = (scope.get("localshop.door", "web"), status)
            key = _REQUESTS.get(how)
            if key is None:
                key = _REQUESTS[how] = key_of("requests_total", door=how[0], status=str(status))
            tally(key)

    async def _to_django(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Django takes in a whole body before any of our code runs, so its size is limited here."""
        taken = 0

        async def limited() -> MutableMapping[str, Any]:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > _LARGEST_FORM:
                raise _TooLargeError
            return message

        length = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            if not length.isdigit() or int(length) > _LARGEST_FORM:
                raise _TooLargeError
            await self._django(self._as_client_sees_it(scope), limited, send)  # type: ignore[arg-type]
        except _TooLargeError:
            sentence = f"A form may have {_LARGEST_FORM} bytes at the most."
            await say(send, 413, "form-too-large", sentence, head=False, extra=[(b"connection", b"close")])

    def _as_client_sees_it(self, scope: Scope) -> Scope:
        """The client's address and scheme, as a trusted proxy tells them."""
        if scope["type"] != "http":
            return scope
        client = scope.get("client") or ("", 0)
        trusted = config.current().trusted_proxies
        who = visitor(client[0], scope["headers"], trusted=trusted)
        seen = {**scope, "localshop.visitor": who}
        if who.address is None or str(who.address) == client[0]:
            return seen
        seen["client"] = (str(who.address), 0)
        protocol = dict(scope["headers"]).get(b"x-forwarded-proto", b"").split(b",")[-1].strip()
        if trusted and protocol in {b"http", b"https"}:
            seen["scheme"] = protocol.decode()
        return seen

    async def _live(self, receive: Receive, send: Send) -> None:
        """Open the shop when the process starts, close it when it ends."""
        await receive()
        # Here and not on import, which happens in commands, too, such as the upgrade of that database.
        wrong = await asyncio.to_thread(why_not_ready, config.current()) if self._looks_first else None
        if wrong is not None:
            await send({"type": "lifespan.startup.failed", "message": f"localshop: {wrong}"})
            return
        self._shop = open_shop(config.current())
        # Maybe we are here because another process was killed.
        await self._shop.run(remove_abandoned, self._shop.store.scratch)
        shared.join(self._shop.config.home / shared.DIRECTORY)
        self._gate = Gate(self._shop)
        await self._gate.open()
        self._index = IndexDoor(self._shop, self._gate)
        ending = asyncio.Event()
        flushing = asyncio.create_task(_flush(self._shop, self._gate, ending))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        # Not cancelled: of a batch that is being written nobody would know whether it was.
        ending.set()
        await flushing
        shared.leave()
        await self._shop.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _flush(shop: Shop, gate: Gate, ending: asyncio.Event) -> None:
    """Write down every few seconds, and once more at the end, what is gathered in memory."""
    while not ending.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), _FLUSH_EVERY)
        for what, write in (
            ("Times of last use", gate.write_uses),
            ("Times of last use", partial(write_uses, shop)),
            ("Downloads", partial(write_downloads, shop)),
            ("Numbers of this process", partial(asyncio.to_thread, shared.publish)),
            ("Refusals", partial(write_refusals, shop, all_of_it=ending.is_set())),
        ):
            try:
                await write()
            except Exception as error:  # noqa: BLE001 -- the next batch has it; it is not worth a process.
                event(log, logging.WARNING, "uses-not-written", f"{what} wait: {error}")


class _TooLargeError(Exception):
    """The body is larger than any form of ours."""


application = FrontDoor(looks_first=True)
