"""Sends project pages and the project list: negotiation, compression, revalidation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from localshop.protocol import conditional, negotiate
from localshop.protocol.writers import list_html, list_json
from localshop.shelf.shelf import HTML, JSON, Rendered, pack

from .answers import Scope, Send, say

_FORMS = {negotiate.JSON: JSON, negotiate.HTML: HTML, negotiate.TEXT: HTML}
_LEGACY = "application/json"
_TYPES = {
    negotiate.JSON: negotiate.JSON.encode(),
    negotiate.HTML: negotiate.HTML.encode(),
    negotiate.TEXT: b"text/html; charset=utf-8",
    _LEGACY: _LEGACY.encode(),
}
_MARKS = {negotiate.JSON: "j", negotiate.HTML: "v", negotiate.TEXT: "h", _LEGACY: "a"}
_LISTS: dict[str, Callable[[Iterable[str]], bytes]] = {JSON: list_json, HTML: list_html}
_NO_CACHE = {True: b"private, no-cache", False: b"no-cache"}


class Wanted(NamedTuple):
    """The representation that a client wants: media type, and whether compressed."""

    media_type: str
    packed: bool

    @property
    def form(self) -> str:
        """The form of the page that it is made from: ``json`` or ``html``."""
        return _FORMS[self.media_type]


def wanted(scope: Scope) -> Wanted | None:
    """What the client wants, by ``?format=``, Accept and Accept-Encoding; None: nothing that we have."""
    accept = encodings = None
    for name, value in scope["headers"]:
        if name == b"accept":
            accept = value if accept is None else accept + b"," + value
        elif name == b"accept-encoding":
            encodings = value if encodings is None else encodings + b"," + value
    query = scope["query_string"]
    named = parse_qs(query.decode("latin-1")).get("format", [None])[0] if b"format=" in query else None
    media_type = negotiate.media_type(accept.decode("latin-1") if accept is not None else None, wanted=named)
    if media_type is None:
        return None
    return Wanted(media_type, _takes_gzip(encodings))


def wanted_legacy(scope: Scope) -> Wanted:
    """The legacy JSON comes in one type, whatever a client accepts."""
    encodings = [value for name, value in scope["headers"] if name == b"accept-encoding"]
    return Wanted(_LEGACY, _takes_gzip(b",".join(encodings) if encodings else None))


def _takes_gzip(encodings: bytes | None) -> bool:
    return negotiate.accepts_gzip(encodings.decode("latin-1") if encodings is not None else None)


async def send_not_acceptable(send: Send, *, head: bool) -> None:
    """The client insists on a type that there is none of (PEP 691)."""
    types = ", ".join(_FORMS)
    await say(send, 406, "no-such-format", f"A page comes as one of: {types}.", head=head)


async def send_page(scope: Scope, send: Send, page: Rendered, want: Wanted, *, private: bool) -> None:
    """Send a page, or 304 when the client has it already."""
    key = (want, private)
    ready: _Ready | None = page.answers.get(key)
    if ready is None:
        ready = page.answers[key] = _make_ready(page, want, private=private)
    for name, value in scope["headers"]:
        if name == b"if-none-match" and conditional.matches(value.decode("latin-1"), ready.etag):
            await send(ready.not_modified)
            await send(_NOTHING)
            return
    await send(ready.start)
    await send(_NOTHING if scope["method"] == "HEAD" else ready.body)


_NOTHING = {"type": "http.response.body", "body": b""}


class _Ready(NamedTuple):
    """Messages of a whole answer, made once and sent as often as the page is asked for."""

    etag: str
    start: dict[str, Any]
    not_modified: dict[str, Any]
    body: dict[str, Any]


def _make_ready(page: Rendered, want: Wanted, *, private: bool) -> _Ready:
    # Each media type and encoding has a strong ETag of its own: uv ignores weak ones.
    etag = f'"{page.digest[:32]}{_MARKS[want.media_type]}{"z" if want.packed else ""}"'
    lasting = [
        (b"etag", etag.encode()),
        (b"cache-control", _NO_CACHE[private]),
        (b"vary", b"Accept-Encoding" if want.media_type == _LEGACY else b"Accept, Accept-Encoding"),
    ]
    body = page.packed if want.packed else page.plain()
    headers = [
        *lasting,
        (b"content-type", _TYPES[want.media_type]),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    if want.packed:
        headers.append((b"content-encoding", b"gzip"))
    return _Ready(
        etag=etag,
        start={"type": "http.response.start", "status": 200, "headers": headers},
        # uv throws a 304 away that does not repeat them.
        not_modified={"type": "http.response.start", "status": 304, "headers": lasting},
        body={"type": "http.response.body", "body": body},
    )


def listing(names: Iterable[str], form: str) -> Rendered:
    """The project list, made to be sent like a page."""
    return pack(_LISTS[form](names))
