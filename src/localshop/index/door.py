"""The door of the index: from a request to an answer, by way of the gate."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import NamedTuple
from urllib.parse import quote

from django.db import OperationalError

from localshop.access import Admission, Gate
from localshop.access.rules import Action
from localshop.catalog import projects
from localshop.catalog.reads import FileRow, MetadataRow, Token
from localshop.errors import LocalshopError, StorageDamaged, StorageError
from localshop.mirror import file as files
from localshop.mirror.file import Coming, Elsewhere, Here, Outcome, Withheld
from localshop.mirror.metadata import metadata
from localshop.mirror.page import page
from localshop.mirror.provenance import provenance
from localshop.observe.counters import Key, key_of, tally
from localshop.observe.log import event, get_logger
from localshop.policies.reading import written
from localshop.protocol.names import is_name, is_normalised, normalise
from localshop.shop import Shop

from .answers import Receive, Scope, Send, redirect, say, say_error
from .calls import answer_call, takes_call
from .delivery import deliver
from .downloads import asks_for_beginning, note_download
from .follow import send_coming
from .legacy import send_legacy
from .metadata import send_metadata
from .osv import answer_osv
from .pages import listing, send_not_acceptable, send_page, wanted
from .provenance import send_provenance
from .refusals import note_refusal
from .routes import Route, door_of, parse
from .upload import take_upload, takes_uploads
from .why import send_why

_READS = frozenset({"GET", "HEAD"})
_ROUNDS = 3
"""How often a file is looked up whose bytes are gone, or come, while it is about to be sent."""
_OUTCOMES: dict[type[object], Key] = {
    Here: key_of("files_total", outcome="here"),
    Elsewhere: key_of("files_total", outcome="elsewhere"),
    Coming: key_of("files_total", outcome="coming"),
    Withheld: key_of("files_total", outcome="withheld"),
    type(None): key_of("files_total", outcome="absent"),
}

log = get_logger(__name__)


class _Visit(NamedTuple):
    """One request on its way through the door."""

    scope: Scope
    receive: Receive
    send: Send
    route: Route
    head: bool


class IndexDoor:
    """Answers every request below ``/repo/``, ``/simple/`` and ``/pypi/``."""

    def __init__(self, shop: Shop, gate: Gate) -> None:
        self._shop = shop
        self._gate = gate
        self._mount = len(shop.config.mount_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever happens, with a slug and a sentence."""
        head = scope["method"] == "HEAD"
        scope["localshop.door"] = "index"
        try:
            route = parse(scope["raw_path"][self._mount :])
            if route is None:
                await say(send, 404, "no-such-page", "There is nothing at this address.", head=head)
            else:
                await self._enter(_Visit(scope, receive, send, route, head))
        except LocalshopError as error:
            await say_error(send, error, head=head)
        except OperationalError as error:
            await _say_why_not(send, error, head=head)

    async def _enter(self, visit: _Visit) -> None:
        """Through the gate, before anything else is looked at."""
        route, send = visit.route, visit.send
        visit.scope["localshop.door"] = door_of(route, visit.scope["method"])
        state = await self._current(route)
        repository = self._gate.repository(route.repository)
        if repository is None:
            await say(send, 404, "no-such-repository", "There is no such repository.", head=visit.head)
            return
        if takes_call(visit.scope, route):
            admission = await self._gate.admit(Action.READ, repository, visit.scope)
            await answer_call(self._shop, admission, visit.scope, visit.receive, send)
            return
        if route.osv:
            admission = await self._gate.admit(Action.READ, repository, visit.scope)
            await answer_osv(self._shop, admission, visit.scope, visit.receive, send, route=route)
            return
        if visit.scope["method"] not in _READS:
            # Before a byte of the body is taken in.
            admission = await self._gate.admit(Action.UPLOAD, repository, visit.scope)
            await self._write(visit, admission)
            return
        await self._give(visit, await self._gate.admit(Action.READ, repository, visit.scope), state)

    async def _give(self, visit: _Visit, admission: Admission, state: Token | FileRow | MetadataRow) -> None:
        """Answer somebody who wants to read and may."""
        route, send = visit.route, visit.send
        match state:
            case FileRow() if route.provenance:
                await self._provenance(visit, admission, state)
            case FileRow():
                await self._file(visit, admission, state)
            case MetadataRow():
                await self._metadata(visit, admission, state)
            case _ if route.legacy:
                await send_legacy(self._shop, admission, visit.scope, send, route=route, token=state)
            case _ if route.why:
                await send_why(self._shop, admission, visit.scope, send, route=route, token=state)
            case _ if route.project:
                await self._page(visit, admission, state)
            case _:
                await self._list(visit, admission)

    async def _write(self, visit: _Visit, admission: Admission) -> None:
        if visit.scope["method"] == "POST" and takes_uploads(visit.route):
            await take_upload(self._shop, admission, visit.scope, visit.receive, visit.send)
            return
        sentence = f"Files are uploaded by POST to /repo/{admission.repository.slug}/."
        allow = [(b"allow", b"GET, HEAD")]
        await say(visit.send, 405, "read-only", sentence, head=False, extra=allow)

    async def _current(self, route: Route) -> Token | FileRow | MetadataRow:
        """Read the state of what is asked for, and have what the gate knows of the same moment."""
        while True:
            known = self._gate.repository(route.repository)
            state = await self._read(route, known.id if known is not None else 0)
            if self._gate.knows(state.access):
                return state
            await self._gate.learn(state.access)

    def _read(self, route: Route, repository_id: int) -> Awaitable[Token | FileRow | MetadataRow]:
        """One read for each request, and nothing of it is told before the gate has let somebody in."""
        reads = self._shop.reads
        if not route.filename:
            return reads.token(repository_id, route.project)
        return (reads.metadata if route.metadata else reads.file)(repository_id, route.path, route.filename)

    async def _page(self, visit: _Visit, admission: Admission, token: Token) -> None:
        route, send, head = visit.route, visit.send, visit.head
        if not is_normalised(route.project) or not route.slash:
            await self._to_canonical(visit)
            return
        want = wanted(visit.scope)
        if want is None:
            await send_not_acceptable(send, head=head)
            return
        found = await page(self._shop, admission.repository, route.project, token=token, form=want.form)
        if found is None:
            await say(send, 404, "no-such-project", f"There is no project {route.project!r}.", head=head)
            return
        await send_page(visit.scope, send, found, want, private=admission.private)

    async def _to_canonical(self, visit: _Visit) -> None:
        route = visit.route
        if not is_name(route.project):
            await say(visit.send, 404, "no-such-project", "That is no name of a project.", head=visit.head)
            return
        await self._redirect_to(visit, f"{route.prefix}{normalise(route.project)}/")

    async def _list(self, visit: _Visit, admission: Admission) -> None:
        if not visit.route.slash:
            await self._redirect_to(visit, visit.route.prefix)
            return
        want = wanted(visit.scope)
        if want is None:
            await send_not_acceptable(visit.send, head=visit.head)
            return
        names = await self._shop.look(projects.listed_names, admission.repository.id)
        found = await self._shop.look(listing, names, want.form)
        await send_page(visit.scope, visit.send, found, want, private=admission.private)

    async def _redirect_to(self, visit: _Visit, path: str) -> None:
        """Permanently, within this host, with the query that came."""
        query = visit.scope["query_string"].decode("latin-1")
        location = f"{self._shop.config.mount_path}{path}" + (
            f"?{quote(query, safe='=&%+/')}" if query else ""
        )
        await redirect(visit.send, 301, location, cache=b"no-cache", head=visit.head)

    async def _file(self, visit: _Visit, admission: Admission, row: FileRow) -> None:
        route, repository = visit.route, admission.repository
        for _ in range(_ROUNDS):
            outcome = await files.file(self._shop, repository, route.path, route.filename, row=row)
            try:
                tally(_OUTCOMES[type(outcome)])
                if isinstance(outcome, Withheld):
                    note_refusal(
                        self._shop, admission, outcome.slug, project=row.project, subject=route.filename
                    )
                given = await self._send_outcome(visit, outcome, private=admission.private)
            except (FileNotFoundError, StorageDamaged) as error:
                # Nothing was sent yet. Either the storage has lost the bytes, then they are forgotten
                # and not here; or a file that was on its way has arrived, then it is.
                if isinstance(outcome, Here):
                    await files.vanished(self._shop, row, why=error)
            else:
                if given:
                    note_download(self._shop, admission, visit.scope, route)
                return
            row = await self._shop.reads.file(repository.id, route.path, route.filename)
        raise StorageError(f"The storage loses {route.filename} as often as it is stored.")

    async def _send_outcome(self, visit: _Visit, outcome: Outcome, *, private: bool) -> bool:
        """Answer; gives whether the file was given out, which counts as a download."""
        scope, receive, send, route, head = visit
        match outcome:
            case Here():
                return await deliver(scope, receive, send, self._shop, outcome, private=private)
            case None:
                await say(send, 404, "no-such-file", f"There is no file {route.filename!r} here.", head=head)
            case Withheld():
                await _say_withheld(send, outcome, head=head)
            case Elsewhere(url):
                await redirect(send, 302, url, cache=b"no-store", head=head)
                return not head and asks_for_beginning(scope)
            case Coming():
                return await send_coming(scope, receive, send, outcome, private=private)
        return False

    async def _metadata(self, visit: _Visit, admission: Admission, row: MetadataRow) -> None:
        route, repository = visit.route, admission.repository
        found = await metadata(self._shop, repository, route.path, route.filename, row=row)
        if found is None:
            sentence = f"There is no metadata of {route.filename!r} here."
            await say(visit.send, 404, "no-such-file", sentence, head=visit.head)
        elif isinstance(found, Withheld):
            await _say_withheld(visit.send, found, head=visit.head)
        else:
            await send_metadata(visit.scope, visit.send, found, private=admission.private)

    async def _provenance(self, visit: _Visit, admission: Admission, row: FileRow) -> None:
        route = visit.route
        found = await provenance(self._shop, admission.repository, route.path, route.filename, row=row)
        if found is None:
            sentence = f"There is no verified provenance of {route.filename!r} here."
            await say(visit.send, 404, "no-provenance", sentence, head=visit.head)
        elif isinstance(found, Withheld):
            await _say_withheld(visit.send, found, head=visit.head)
        else:
            await send_provenance(visit.scope, visit.send, found, private=admission.private)


async def _say_withheld(send: Send, withheld: Withheld, *, head: bool) -> None:
    """Tell why a file is not given, and until when, where that is known."""
    extra = [(b"x-localshop-until", written(withheld.until).encode())] if withheld.until is not None else []
    await say(send, 403, withheld.slug, withheld.sentence, head=head, extra=extra)


async def _say_why_not(send: Send, error: OperationalError, *, head: bool) -> None:
    """Tell of a database that did not do what it was asked to."""
    text = str(error)
    # The first is SQLite's, the second what PostgreSQL passes on.
    if "database or disk is full" in text or "No space left on device" in text:
        event(log, logging.ERROR, "disk-full", f"The database has no room: {text}")
        await say(send, 507, "disk-full", "There is no room on the disk of the database.", head=head)
        return
    event(log, logging.ERROR, "database-busy", f"The database did not answer: {text}")
    extra = [(b"retry-after", b"2")]
    await say(send, 503, "database-busy", "The database is busy.", head=head, extra=extra)
