"""Takes in the body of a small request, up to a limit."""

from __future__ import annotations

from .answers import Receive, Scope


async def body_of(scope: Scope, receive: Receive, *, most: int) -> bytes | None:
    """Take in a body; None: it has more than ``most`` bytes. Raises ``ConnectionResetError``."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if not length.isdigit() or int(length) > most:
        return None
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("The client went away in the middle of its request.")
        body += bytes(message.get("body", b""))
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return body
