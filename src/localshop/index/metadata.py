"""Sends the METADATA of a wheel (PEP 658)."""

from __future__ import annotations

from localshop.catalog.reads import MetadataRow
from localshop.protocol import conditional

from .answers import Scope, Send
from .send import INERT


async def send_metadata(scope: Scope, send: Send, found: MetadataRow, *, private: bool) -> None:
    """Send it whole, or 304 when the client has it: below its URL it never changes."""
    etag = f'"{found.sha256}"'
    caching = b"private" if private else b"public"
    headers = [(b"etag", etag.encode()), (b"cache-control", caching + b", max-age=365000000, immutable")]
    status, body = 200, found.body
    for name, value in scope["headers"]:
        if name == b"if-none-match" and conditional.matches(value.decode("latin-1"), etag):
            status, body = 304, b""
    if status == 200:
        inert = [header for header in INERT if header[0] != b"accept-ranges"]
        headers += [*inert, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
