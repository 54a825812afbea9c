"""Answers OSV's API from the advisories that are here: for ``uv audit`` and others that ask OSV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from localshop.access import Admission
from localshop.catalog import advisories, projects
from localshop.catalog.records import RepositoryRecord
from localshop.mirror.names import is_ours
from localshop.policies.records import Finding
from localshop.protocol import osvapi
from localshop.protocol.osvapi import BadQuestion, Question
from localshop.shop import Shop

from .answers import Headers, Receive, Scope, Send, answer
from .bodies import body_of
from .routes import Route

QUERY, BATCH, VULNS = "query", "querybatch", "vulns"
_LARGEST = 1 << 20
_INVALID, _NOT_FOUND, _WRONG_METHOD = 3, 5, 12
"""Codes of gRPC, as OSV's own API has them in its errors."""


async def answer_osv(
    shop: Shop, admission: Admission, scope: Scope, receive: Receive, send: Send, *, route: Route
) -> None:
    """Answer a question of somebody who may read the repository."""
    head = scope["method"] == "HEAD"
    if route.osv == VULNS:
        if scope["method"] == "POST":
            await _fail(send, 405, _WRONG_METHOD, "An advisory is for GET.", allow=b"GET, HEAD")
            return
        found = await shop.look(advisories.bodies, [route.version])
        if not found:
            await _fail(send, 404, _NOT_FOUND, "There is no such advisory here.", head=head)
            return
        await _send(send, 200, found[route.version], head=head)
        return
    if scope["method"] != "POST":
        await _fail(send, 405, _WRONG_METHOD, "Questions come by POST.", head=head, allow=b"POST")
        return
    try:
        body = await body_of(scope, receive, most=_LARGEST)
        if body is None:
            await _fail(send, 413, _INVALID, f"A question may have {_LARGEST} bytes at the most.", close=True)
            return
        questions = [osvapi.one(body)] if route.osv == QUERY else osvapi.batch(body)
    except ConnectionResetError:
        # Nobody is left to be told.
        return
    except BadQuestion as error:
        await _fail(send, 400, _INVALID, str(error))
        return
    told = await shop.look(_answers, admission.repository, questions, whole=route.osv == QUERY)
    await _send(send, 200, told)


def _answers(repository: RepositoryRecord, questions: Sequence[Question], *, whole: bool) -> bytes:
    """What is known; ``whole``: with the records, of a single question."""
    findings = advisories.findings_of(_mirrored(repository, {one.project for one in questions} - {""}))
    found = [_about(findings.get(one.project, ()), one.version) for one in questions]
    names = {name for every in found for name in every}
    if whole:
        bodies = advisories.bodies(names)
        return json.dumps(_vulns([json.loads(bodies[name]) for name in found[0] if name in bodies])).encode()
    modified = advisories.modified(names)
    results = [
        _vulns([{"id": name, "modified": modified[name]} for name in every if name in modified])
        for every in found
    ]
    return json.dumps({"results": results}).encode()


def _vulns(every: list[dict[str, Any]]) -> dict[str, Any]:
    """OSV leaves the list out where it is empty."""
    return {"vulns": every} if every else {}


def _about(findings: Sequence[Finding], version: str) -> list[str]:
    return [one.advisory for one in findings if not version or one.affected.holds(version)]


def _mirrored(repository: RepositoryRecord, names: set[str]) -> list[str]:
    """Those that are not private here: an advisory of such a name is about somebody else's package."""
    kinds = projects.kinds(repository.id, names)
    return sorted(name for name in names if not is_ours(repository, name, kind=kinds.get(name, "")))


async def _send(
    send: Send, status: int, body: bytes, *, head: bool = False, extra: Headers | None = None
) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        *(extra or []),
    ]
    await answer(send, status, headers, body, head=head)


async def _fail(
    send: Send,
    status: int,
    code: int,
    sentence: str,
    *,
    head: bool = False,
    allow: bytes = b"",
    close: bool = False,
) -> None:
    """Answer with an error as OSV's API has them."""
    extra: Headers = [(b"allow", allow)] if allow else []
    extra += [(b"connection", b"close")] if close else []
    body = json.dumps({"code": code, "message": sentence}).encode()
    await _send(send, status, body, head=head, extra=extra)
