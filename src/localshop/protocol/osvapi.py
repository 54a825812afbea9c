"""Questions as clients put them to OSV's API (version 1): what they ask for. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from .names import is_name, normalise
from .osv import ECOSYSTEM

MOST_QUESTIONS = 1000
"""As many as OSV takes at once."""
_PURL = "pkg:pypi/"
_LONGEST_VERSION = 200


class BadQuestion(ValueError):
    """What was sent is no question as OSV documents them."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which project (normalised), and which version of it; "": any. ``project`` "": none of ours."""

    project: str
    version: str


def one(body: bytes) -> Question:
    """Read what is sent to ``/v1/query``; raises ``BadQuestion``."""
    return _question(_object(body))


def batch(body: bytes) -> list[Question]:
    """Read what is sent to ``/v1/querybatch``; raises ``BadQuestion``."""
    queries = _object(body).get("queries")
    if not isinstance(queries, list) or not all(isinstance(query, dict) for query in queries):
        raise BadQuestion("It is an object with a list of 'queries'.")
    if len(queries) > MOST_QUESTIONS:
        raise BadQuestion(f"{MOST_QUESTIONS} questions at once are the most.")
    return [_question(query) for query in queries]


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise BadQuestion("It is no JSON.") from None
    if not isinstance(told, dict):
        raise BadQuestion("It is no object.")
    return told


def _question(told: dict[str, Any]) -> Question:
    package, version = told.get("package"), told.get("version", "")
    if not isinstance(version, str) or len(version) > _LONGEST_VERSION:
        raise BadQuestion("The 'version' is a text.")
    if package is None and "commit" in told:
        # Files of an index tell no commit.
        return Question("", version)
    if not isinstance(package, dict):
        raise BadQuestion("There is no 'package'.")
    purl = package.get("purl")
    if isinstance(purl, str):
        return _from_purl(purl, version)
    name = package.get("name")
    if not isinstance(name, str):
        raise BadQuestion("The 'package' has neither 'name' nor 'purl'.")
    ours = package.get("ecosystem") == ECOSYSTEM and is_name(name)
    return Question(normalise(name) if ours else "", version)


def _from_purl(purl: str, version: str) -> Question:
    if not purl.startswith(_PURL):
        return Question("", version)
    rest = purl.removeprefix(_PURL).partition("?")[0].partition("#")[0]
    name, _, told = rest.partition("@")
    if told and version:
        raise BadQuestion("The version stands in the 'purl' and beside it.")
    name = unquote(name)
    return Question(normalise(name) if is_name(name) else "", unquote(told) or version)
