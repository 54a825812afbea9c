"""Answers XML-RPC at the index's own URLs: ``pip search``, over the private projects of a repository."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from localshop.access import Admission
from localshop.catalog.records import RepositoryRecord
from localshop.catalog.search import FoundProject, search
from localshop.protocol import calls, legacy_json
from localshop.protocol.calls import BadCallError, Call
from localshop.protocol.pages import versions_of
from localshop.shelf.hearing import heard
from localshop.shop import Shop

from .answers import Headers, Receive, Scope, Send, answer
from .bodies import body_of
from .routes import Route

_TYPES = frozenset({b"text/xml", b"application/xml"})
_LARGEST_CALL = 64 << 10
_MOST_FOUND = 100
_MOST_TEXTS = 20
_LONGEST_TEXT = 200
_FIELDS = frozenset({"name", "summary"})


def takes_call(scope: Scope, route: Route) -> bool:
    """Whether a request is a call: XML sent to an index, or anything sent to ``/pypi``.

    Only the type tells it from an upload, which goes to the same URLs.
    """
    if scope["method"] != "POST" or route.filename or route.project:
        return False
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return route.legacy or kind.partition(b";")[0].strip().lower() in _TYPES


async def answer_call(shop: Shop, admission: Admission, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a call of somebody who may read the repository. What fails is a fault, with status 200."""
    headers: Headers = [(b"content-type", b"text/xml; charset=utf-8"), *_COMMON]
    try:
        body = await body_of(scope, receive, most=_LARGEST_CALL)
        if body is None:
            headers.append((b"connection", b"close"))
            raise BadCallError(calls.INVALID_CALL, f"A call may have {_LARGEST_CALL} bytes at the most.")
        found = await _search(shop, admission, calls.read(body))
    except ConnectionResetError:
        # Nobody is left to be told.
        return
    except BadCallError as error:
        sent = calls.fault(error.code, str(error))
    else:
        sent = calls.answer(found)
    await answer(send, 200, headers, sent, head=False)


_COMMON: Headers = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


async def _search(shop: Shop, admission: Admission, call: Call) -> list[dict[str, object]]:
    """Do what ``search(spec, operator="and")`` did on PyPI, before it was switched off there."""
    if call.method != "search":
        raise BadCallError(calls.NO_SUCH_METHOD, f"There is no method {call.method[:100]!r} here.")
    spec, operator = [*call.parameters, "and"][:2] if 1 <= len(call.parameters) <= 2 else (None, "")
    if not isinstance(spec, dict) or not spec.keys() <= _FIELDS or operator not in ("and", "or"):
        sentence = 'It is search({"name": ..., "summary": ...}, "and" or "or").'
        raise BadCallError(calls.INVALID_PARAMETERS, sentence)
    names, summaries = _texts(spec.get("name")), _texts(spec.get("summary"))
    if not names and not summaries:
        return []
    found = await shop.run(
        search,
        admission.repository.id,
        names=names,
        summaries=summaries,
        both=operator == "and",
        most=_MOST_FOUND,
    )
    hits = [(one, await _newest(shop, admission.repository, one)) for one in found]
    return [_hit(one, version, place) for place, (one, version) in enumerate(hits) if version]


def _texts(value: Any) -> Sequence[str]:
    """The texts of a field: pip sends the words of its command line as a list."""
    values: list[Any] = value if isinstance(value, list) else [value]
    texts = [text for text in values if text not in (None, "")]
    if len(texts) > _MOST_TEXTS or not all(
        isinstance(text, str) and len(text) <= _LONGEST_TEXT for text in texts
    ):
        sentence = (
            f"A field is a text, or a list of {_MOST_TEXTS}, of {_LONGEST_TEXT} characters at the most."
        )
        raise BadCallError(calls.INVALID_PARAMETERS, sentence)
    return texts


async def _newest(shop: Shop, repository: RepositoryRecord, project: FoundProject) -> str:
    """The version that describes the project, of the files that its page shows; empty: none is shown."""
    called = await heard(shop, repository, project.name, project_id=project.id, serial=project.serial)
    if called is None:
        return ""
    now = shop.now()
    shown = {
        filename: yanked
        for path, filename, yanked in project.files
        if called.verdict_at(path, filename, now) is None
    }
    files = [{"filename": filename, "yanked": yanked} for filename, yanked in shown.items()]
    page = {"name": project.name, "versions": versions_of(shown, project.name), "files": files}
    return legacy_json.latest(legacy_json.releases_of(page))


def _hit(project: FoundProject, version: str, place: int) -> dict[str, object]:
    return {
        "name": project.title or project.name,
        "version": version,
        "summary": project.summary,
        "_pypi_ordering": place,
    }
