"""Answers of the index: small ones, and the one table from refusals and failures to statuses."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from localshop.errors import (
    CredentialsNeeded,
    LocalshopError,
    NoRight,
    StorageError,
    StorageFull,
    TooManyTries,
    UpstreamError,
)
from localshop.observe.counters import count

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_LONGEST_RETRY_AFTER = 5
_LONGEST_REASON = 250
_STATUSES: tuple[tuple[type[LocalshopError], int], ...] = (
    (CredentialsNeeded, 401),
    (NoRight, 403),
    (TooManyTries, 429),
    (UpstreamError, 503),
    (StorageFull, 507),
    (StorageError, 503),
)
"""The first class that fits decides."""


async def answer(
    send: Send, status: int, headers: Headers, body: bytes, *, head: bool, reason: bytes = b""
) -> None:
    """Send a whole answer; HEAD gets the same headers without the body.

    ``reason`` is for our own server, which sends it as the reason phrase of the status line; others
    ignore the key.
    """
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    start: dict[str, Any] = {"type": "http.response.start", "status": status, "headers": headers}
    if reason:
        start["reason"] = reason
    await send(start)
    await send({"type": "http.response.body", "body": b"" if head else body})


async def say(
    send: Send, status: int, slug: str, sentence: str, *, head: bool, extra: Headers | None = None
) -> None:
    """Send a refusal or a failure: the slug for machines, the sentence for people."""
    count("refusals_total", slug=slug)
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store" if status >= 500 else b"no-cache"),
        (b"x-localshop-refusal", slug.encode()),
        *(extra or []),
    ]
    body = f"{slug}: {sentence}\n".encode()
    await answer(send, status, headers, body, head=head, reason=reason_phrase(sentence))


def reason_phrase(sentence: str) -> bytes:
    """A sentence as it can stand in a status line: one line, Latin-1, not long (RFC 9112, section 4).

    twine shows nothing else of an answer.
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in sentence)
    return printable[:_LONGEST_REASON].encode("latin-1", "replace")


async def say_error(send: Send, error: LocalshopError, *, head: bool) -> None:
    """Send what a failure or refusal means to a client."""
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    extra: Headers = []
    if status == 401:
        extra.append((b"www-authenticate", b'Basic realm="localshop", charset="UTF-8"'))
    if isinstance(error, TooManyTries):
        extra.append((b"retry-after", str(error.retry_after).encode()))
    if status == 503:
        # Whole seconds: poetry reads it as a number, and longer waits only fail the build.
        wait = getattr(error, "retry_after", None)
        seconds = min(_LONGEST_RETRY_AFTER, max(1, math.ceil(wait))) if wait is not None else 2
        extra.append((b"retry-after", str(seconds).encode()))
    await say(send, status, error.slug, error.sentence, head=head, extra=extra)


async def redirect(send: Send, status: int, location: str, *, cache: bytes, head: bool) -> None:
    """Send a client elsewhere. ``location`` is made here, never a part of a request as it came."""
    headers: Headers = [(b"location", location.encode()), (b"cache-control", cache)]
    await answer(send, status, headers, b"", head=head)
