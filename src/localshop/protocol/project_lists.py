"""Reading an upstream's list of its projects: JSON or HTML, into normalised names."""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import unquote

from localshop.errors import UpstreamNonsense
from localshop.protocol import names
from localshop.protocol.readers import decoded, kind_of

_ANCHOR = re.compile(r"""<a\s[^>]*?href=["']([^"'>]*)["'][^>]*>([^<]*)</a>""", re.IGNORECASE)
_MOST_OTHERS = 0.1
"""The share of links, at most, that lead elsewhere: "up", "about", and the like."""


def read_names(body: bytes, *, content_type: str, url: str) -> frozenset[str]:
    """Read a list of projects (PEP 503, PEP 691); raises UpstreamNonsense when it is none.

    A page of another kind must not pass for a list: it would seem to say of nearly every name that
    it does not exist.
    """
    text = decoded(body, url)
    found = _from_json(text, url) if kind_of(content_type, text) == "json" else _from_html(text)
    if not found:
        raise UpstreamNonsense(f"{url} answered with something that is no list of projects.")
    return found


def _from_json(text: str, url: str) -> frozenset[str]:
    try:
        page = json.loads(text)
        return frozenset(names.normalise(project["name"]) for project in page["projects"])
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise UpstreamNonsense(f"{url} answered with JSON that is no list of projects.") from error


def _from_html(text: str) -> frozenset[str]:
    links = _ANCHOR.findall(text)
    found = {_name(href, shown) for href, shown in links}
    others = sum(1 for href, shown in links if not _name(href, shown))
    return frozenset(found - {""}) if others <= _MOST_OTHERS * len(links) else frozenset()


def _name(href: str, shown: str) -> str:
    """The project that a link is of, "" if it is of none: it ends in the name that it shows, and a slash."""
    path = unquote(unescape(href)).partition("#")[0].partition("?")[0]
    last = path.rstrip("/").rpartition("/")[2]
    shown = unescape(shown).strip().rstrip("/")
    if not path.endswith("/") or not names.is_name(last) or not names.is_name(shown):
        return ""
    name = names.normalise(last)
    return name if name == names.normalise(shown) else ""
