"""Tells why files of a project are hidden, for machines and whoever asks with curl."""

from __future__ import annotations

import json

from localshop.access import Admission
from localshop.catalog.reads import Token
from localshop.mirror.names import is_ours
from localshop.mirror.page import page
from localshop.policies.reading import written
from localshop.policies.records import Verdict
from localshop.protocol.names import is_normalised
from localshop.shelf.shelf import JSON
from localshop.shelf.why import Why, why
from localshop.shop import Shop

from .answers import Scope, Send, answer, say
from .routes import Route


async def send_why(
    shop: Shop, admission: Admission, scope: Scope, send: Send, *, route: Route, token: Token
) -> None:
    """Send what is hidden of the route's project, what would be, and what was let through."""
    head = scope["method"] == "HEAD"
    repository, name = admission.repository, route.project
    # As fresh as the page, so that the two tell of the same files.
    found = await page(shop, repository, name, token=token, form=JSON) if is_normalised(name) else None
    if found is None:
        await say(send, 404, "no-such-project", f"There is no project {name!r}.", head=head)
        return
    said: list[Why] = []
    if token.kind == "private" or not is_ours(repository, name, kind=token.kind):
        said = await shop.look(why, repository, name, offline=shop.config.offline, now=shop.now())
    shape = {
        "repository": repository.slug,
        "project": name,
        "hidden": [_shape(one, each) for one in said for each in one.verdicts if not each.watched],
        "watched": [_shape(one, each) for one in said for each in one.verdicts if each.watched],
        "let-through": [_let_through(one) for one in said if one.let_through is not None],
    }
    headers = [
        (b"content-type", b"application/json"),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"private, no-cache" if admission.private else b"no-cache"),
    ]
    await answer(send, 200, headers, json.dumps(shape, indent=1).encode() + b"\n", head=head)


def _shape(one: Why, verdict: Verdict) -> dict[str, object]:
    return {
        "filename": one.subject.filename,
        "version": one.subject.version,
        "rule": verdict.rule,
        "slug": verdict.slug,
        "sentence": verdict.sentence,
        "until": _moment(verdict.until),
    }


def _let_through(one: Why) -> dict[str, object]:
    """Without who did it: that is for those who look after the repository."""
    given = one.let_through
    return {
        "filename": one.subject.filename,
        "version": one.subject.version,
        "reason": given.reason if given is not None else "",
        "until": _moment(given.until if given is not None else None),
    }


def _moment(seconds: float | None) -> str | None:
    return written(seconds) if seconds is not None else None
