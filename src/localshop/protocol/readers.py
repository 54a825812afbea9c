"""Reading what an upstream says of a project: JSON or HTML, into one kind of document.

A page is data from outside: every entry is checked, bad ones are dropped and counted, and a page that is
none at all (a login form, a cut answer, another project's page) is refused whole, so that it never
replaces what we know.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NoReturn

import orjson

from localshop.errors import UpstreamNonsense
from localshop.protocol import names
from localshop.protocol.document import Document, Entry
from localshop.protocol.entries import entry, unknown
from localshop.protocol.links import Links

_KNOWN = frozenset({"meta", "name", "versions", "files", "project-status"})
_STATUSES = frozenset({"active", "archived", "quarantined", "deprecated"})
_VAGUE = frozenset(
    {
        *("", "application/json", "text/json", "text/html", "text/plain"),
        *("application/octet-stream", "binary/octet-stream"),
    }
)
_VERSION = re.compile(r"([0-9]{1,9})\.")


def read(body: bytes, *, content_type: str, url: str, project: str) -> Document:
    """Read an upstream's page of a project.

    ``content_type`` as in the answer's header, "" when there was none; ``url`` is the one that the answer
    came from at last, against which relative links are resolved; ``project`` is normalised. Raises
    UpstreamNonsense when the page cannot be believed.
    """
    text = decoded(body, url)
    match kind_of(content_type, text):
        case "json":
            return _read_json(text, url=url, project=project)
        case "html":
            return _read_html(text, url=url, project=project)
    raise UpstreamNonsense(f"{url} answered with {content_type[:100]!r}, which is not a project page.")


def kind_of(content_type: str, text: str) -> Literal["json", "html"] | None:
    """Tell what an answer is read as; None: neither.

    A type that only pages of the Simple API have is believed. Others are set by servers that guess, or
    do not know (a bucket calls everything ``binary/octet-stream``): then the first character decides.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith("+json"):
        return "json"
    if kind.endswith(("+html", "/xhtml+xml")):
        return "html"
    if kind in _VAGUE:
        return "json" if text.lstrip().startswith("{") else "html"
    return None


def _read_json(text: str, *, url: str, project: str) -> Document:
    """Read PEP 691's JSON."""
    try:
        page = _parsed(text)
    except (ValueError, RecursionError) as error:
        raise UpstreamNonsense(f"{url} answered with JSON that cannot be read: {error}.") from error
    if not isinstance(page, dict) or not isinstance(page.get("files"), list):
        raise UpstreamNonsense(f"{url} answered with JSON that is not a project page.")
    name = page.get("name")
    if name is not None and (not isinstance(name, str) or names.normalise(name) != project):
        raise UpstreamNonsense(f"{url} is the page of {str(name)[:100]!r}, not of {project!r}.")
    meta = page.get("meta")
    version = meta.get("api-version") if isinstance(meta, Mapping) else None
    _check_version(version, url)
    files, dropped = _entries(page["files"], url=url, project=project)
    status = page.get("project-status")
    status = status if isinstance(status, Mapping) else {}
    return Document(
        name=project,
        files=files,
        status=_status(status.get("status")),
        status_reason=_text(status.get("reason")),
        extra=unknown(page, _KNOWN),
        dropped=dropped,
    )


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        page = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        # Half a surrogate pair can be written in JSON, but not in UTF-8; clients reject such a page.
        return json.loads(json.dumps(page, ensure_ascii=False).encode(errors="replace"))


def _read_html(text: str, *, url: str, project: str) -> Document:
    """Read PEP 503's HTML."""
    lowered = text.lower()
    if "<html" in lowered and "</html" not in lowered:
        raise UpstreamNonsense(f"{url} answered with a page that was cut.")
    links = Links(url)
    links.read(text)
    version = links.metas.get("pypi:repository-version")
    _check_version(version, url)
    files, dropped = _entries(links.records, url=links.base, project=project)
    if not files and version is None and not _names_itself(lowered):
        # A hotel's login form is HTML, too. Taken for an empty page it would hide the whole project.
        raise UpstreamNonsense(f"{url} answered with HTML that is not a project page.")
    return Document(
        name=project,
        files=files,
        status=_status(links.metas.get("pypi:project-status")),
        status_reason=links.metas.get("pypi:project-status-reason", ""),
        dropped=dropped,
    )


def _entries(records: Iterable[object], *, url: str, project: str) -> tuple[tuple[Entry, ...], int]:
    """Check the records; of two with the same file name the first counts."""
    found: dict[str, Entry] = {}
    dropped = 0
    for record in records:
        checked = entry(record, url=url, project=project)
        if checked is None or checked.filename in found:
            dropped += 1
        else:
            found[checked.filename] = checked
    return tuple(found.values()), dropped


def _check_version(version: object, url: str) -> None:
    """Refuse a page of a later major version (PEP 629: clients must not guess what it means)."""
    major = _VERSION.match(version) if isinstance(version, str) else None
    if major is not None and int(major[1]) > 1:
        raise UpstreamNonsense(f"{url} speaks version {version!r} of the Simple API, which we do not know.")


def _names_itself(lowered: str) -> bool:
    """Tell whether an empty page calls itself a list of links, as all known indexes' do."""
    return any(words in lowered[:4096] for words in ("links for", "index of"))


def _status(value: object) -> str:
    """Read PEP 792's status; one that is unknown is taken for active."""
    return value if isinstance(value, str) and value in _STATUSES else "active"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def decoded(body: bytes, url: str) -> str:
    """Read the bytes as UTF-8; raises UpstreamNonsense when they are not."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UpstreamNonsense(f"{url} answered with bytes that are not UTF-8 text.") from error


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    """Read a number; one too large for a float would become "Infinity", which is not JSON."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large")
    return number
