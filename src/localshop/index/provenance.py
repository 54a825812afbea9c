"""Sends the provenance of a file (PEP 740)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from localshop.protocol import conditional

from .answers import Scope, Send, answer, say
from .send import INERT

_TYPE = "application/vnd.pypi.integrity.v1+json"
_PLAIN = "application/json"


async def send_provenance(scope: Scope, send: Send, found: Mapping[str, object], *, private: bool) -> None:
    """Send the object whole, or 304 when the client has it; 406 when the client takes neither type.

    It may change, when attestations are verified again, so clients ask anew.
    """
    head = scope["method"] == "HEAD"
    sent = dict(scope["headers"])
    media_type = _media_type(sent.get(b"accept", b"*/*").decode("latin-1"))
    if not media_type:
        await say(send, 406, "no-such-format", f"Provenance comes as {_TYPE} or {_PLAIN}.", head=head)
        return
    body = json.dumps(found, separators=(",", ":")).encode()
    etag = f'"{hashlib.sha256(media_type.encode() + body).hexdigest()}"'
    headers = [
        *((name, value) for name, value in INERT if name not in {b"accept-ranges", b"content-type"}),
        (b"content-type", media_type.encode()),
        (b"cache-control", b"private, no-cache" if private else b"no-cache"),
        (b"etag", etag.encode()),
        (b"vary", b"Accept"),
    ]
    if conditional.matches(sent.get(b"if-none-match", b"").decode("latin-1"), etag):
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await answer(send, 200, headers, body, head=head)


def _media_type(accept: str) -> str:
    """The type to answer in; empty: the client takes none of ours."""
    ranges = {item.partition(";")[0].strip().lower() for item in accept.split(",")}
    if ranges & {_TYPE, "application/*", "*/*", ""}:
        return _TYPE
    return _PLAIN if _PLAIN in ranges else ""
