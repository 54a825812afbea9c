"""Answers uploads in the ways in which each client shows them to a person."""

from __future__ import annotations

import json

from localshop.access import Admission
from localshop.catalog.journal import Actor
from localshop.errors import LocalshopError, UploadRefused
from localshop.observe.counters import count
from localshop.shop import Shop
from localshop.uploads.publish import Published, UnknownAction, Uploader, publish

from .answers import Headers, Receive, Scope, Send, answer, reason_phrase, say_error
from .refusals import note_refusal
from .routes import Route

_LEGACY = "legacy"
_STATUSES = {"too-large": 413, "not-your-project": 403, "project-archived": 403, "project-quarantined": 403}


def takes_uploads(route: Route) -> bool:
    """Whether files may be sent there: to the repository's own URL, or to ``legacy/`` below it."""
    return not route.filename and not route.legacy and route.project in {"", _LEGACY}


async def take_upload(shop: Shop, admission: Admission, scope: Scope, receive: Receive, send: Send) -> None:
    """Take in one upload and say how it went."""
    uploader = Uploader(
        actor=Actor(admission.who, admission.address), mark=admission.mark, owner=admission.owner
    )
    try:
        published = await publish(shop, admission.repository, scope["headers"], receive, uploader=uploader)
    except ConnectionResetError:
        # Nobody is left to be told.
        return
    except UploadRefused as error:
        note_refusal(shop, admission, error.slug)
        await _refuse(scope, send, error)
    except LocalshopError as error:
        await say_error(send, error, head=False)
    else:
        count("uploads_total")
        await _confirm(send, published)


async def _confirm(send: Send, published: Published) -> None:
    text = "\n".join([published.sentence, *(f"Remark: {remark}" for remark in published.remarks)])
    await answer(
        send,
        200,
        [(b"content-type", b"text/plain; charset=utf-8"), *_COMMON],
        f"{text}\n".encode(),
        head=False,
    )


async def _refuse(scope: Scope, send: Send, error: UploadRefused) -> None:
    """Twine and flit show the reason phrase, uv the JSON, poetry and hatch the text."""
    count("refusals_total", slug=error.slug)
    status = 404 if isinstance(error, UnknownAction) else _STATUSES.get(error.slug, 400)
    sentence = f"{error.sentence} See {error.link}" if error.link else error.sentence
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    if b"application/json" in accept:
        # uv reads it only if the type has no parameters.
        kind = b"application/json"
        body = json.dumps(
            {"code": f"{status} {sentence}", "message": sentence, "title": error.sentence, "slug": error.slug}
        )
    else:
        kind = b"text/plain; charset=utf-8"
        body = f"{sentence}\n"
    headers: Headers = [(b"content-type", kind), (b"x-localshop-refusal", error.slug.encode()), *_COMMON]
    await answer(send, status, headers, body.encode(), head=False, reason=reason_phrase(error.sentence))


_COMMON: Headers = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
