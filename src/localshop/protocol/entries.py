"""One record of an upstream's page: what of it can be believed.

Both readers make records in the shape of PEP 691's JSON; here each is checked. A record whose file could
not be served rightly is refused whole; an optional key of the wrong type or value is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import quote, unquote, urljoin, urlsplit

from localshop.protocol import filenames
from localshop.protocol.document import Entry

_KNOWN = frozenset(
    {
        *("filename", "url", "hashes", "size", "requires-python", "upload-time", "yanked", "provenance"),
        *("core-metadata", "dist-info-metadata", "data-dist-info-metadata"),
    }
)
# PEP 714's name first, then those under which it was known before.
_METADATA_KEYS = ("core-metadata", "dist-info-metadata", "data-dist-info-metadata")

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
# What nearly every page has; anything else takes the long way through urllib.
_PLAIN_URL = re.compile(
    r"https?://[A-Za-z0-9.-]+(?::(?:[0-9]{1,4}|[1-5][0-9]{4}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@/%-]*)(?:#.*)?\Z"
)
# Relative links of the usual shape: up to a folder of the page's own URL, and down again without dots.
_PLAIN_LINK = re.compile(
    r"(?P<folder>/|(?:\.\./)*)"
    r"(?P<rest>(?:[A-Za-z0-9_~+%-][A-Za-z0-9._~!+,%@=-]*/)*[A-Za-z0-9_~+%-][A-Za-z0-9._~!+,%@=-]*)(?:#.*)?\Z"
)
_HOST = re.compile(r"[a-z0-9._-]+\Z|[0-9a-f:.]+\Z")
_PYPI_PATH = re.compile(r"/packages/([0-9a-z]{2}/[0-9a-z]{2}/[0-9a-z]{4,124})/([^/]+)\Z")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}"
    r"(?P<fraction>\.[0-9]+)?(?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})?\Z"
)
_LONGEST_URL = 4000
_LARGEST = 2**63 - 1  # What databases and clients can hold.
_DEEPEST = 16


def entry(record: object, *, url: str, project: str) -> Entry | None:
    """Check one record of a page that was read from ``url``; None when it cannot be believed."""
    if not isinstance(record, Mapping):
        return None
    filename, href, hashes = record.get("filename"), record.get("url"), record.get("hashes", {})
    if not isinstance(filename, str) or not isinstance(href, str) or not isinstance(hashes, Mapping):
        return None
    parsed = filenames.parse(filename, project)
    found = address(href, url)
    if parsed is None or found is None:
        return None
    absolute, path = found
    sha256 = hashes.get("sha256")
    if sha256 is not None and (sha256 := _sha256(sha256)) is None:
        # Taking it without its broken digest would let anybody who can break a page swap the file.
        return None
    extra = {} if record.keys() <= _KNOWN else unknown(record, _KNOWN)
    if sha256 is None and hashes:
        extra["_hashes"] = {k: v for k, v in hashes.items() if isinstance(v, str)}
    requires_python = record.get("requires-python")
    size = record.get("size")
    provenance = record.get("provenance")
    good_size = isinstance(size, int) and not isinstance(size, bool) and 0 <= size <= _LARGEST
    return Entry(
        filename=filename,
        url=absolute,
        path=_path(absolute, path, filename=filename, sha256=sha256),
        sha256=sha256,
        size=size if good_size else None,
        requires_python=requires_python if requires_python and isinstance(requires_python, str) else None,
        upload_time=_time(record.get("upload-time")),
        yanked=_yanked(record.get("yanked")),
        # PEP 658: "only for wheels"; what an sdist's PKG-INFO says may not be what is built from it.
        core_metadata=parsed.kind == "wheel" and _core_metadata(record),
        provenance=_provenance(provenance, url) if isinstance(provenance, str) else None,
        extra=extra,
    )


def address(href: str, base: str) -> tuple[str, str] | None:
    """Make a link absolute, without fragment and user info; gives the URL and its path, or None.

    Only http and https. What two URL parsers could read in two ways (backslashes, control characters,
    odd host names) is not followed.
    """
    if len(href) > _LONGEST_URL:
        return None
    try:
        if link := _PLAIN_LINK.match(href):
            href = _folder(base, link["folder"]) + link["rest"]
        if plain := _PLAIN_URL.match(href):
            return href[: plain.end("path")], plain["path"]
        if "\\" in href or not href.strip().isprintable():
            return None
        parts = urlsplit(urljoin(base, href.strip()))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not _HOST.match(host):
        return None
    authority = (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
    path = quote(parts.path or "/", safe="/%~!$&'()*+,;=:@")
    query = "?" + quote(parts.query, safe="/%~!$&'()*+,;=:@?") if parts.query else ""
    return f"{parts.scheme}://{authority}{path}{query}", path


@lru_cache(maxsize=64)
def _folder(base: str, link: str) -> str:
    """Resolve the part that all links of a page share; resolving each by itself takes most of the time."""
    return urljoin(base, link or "./")


def unknown(record: Mapping[str, object], known: frozenset[str]) -> dict[str, object]:
    """Give the keys of a record that the standard does not know yet, if they are not nested absurdly."""
    return {
        key: value
        for key, value in record.items()
        if key not in known and not (isinstance(value, dict | list) and _is_deep(value))
    }


def _is_deep(value: object) -> bool:
    """Tell whether a value is nested so deeply that writing it, or a client's reading, could fail."""
    level = [value]
    for _ in range(_DEEPEST):
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        level = inner
    return bool(level)


def _path(absolute: str, path: str, *, filename: str, sha256: str | None) -> str:
    """Choose our path below ``packages/``: the upstream's own where it has PyPI's shape.

    Lock files written against PyPI and against us then name a file alike. Else by the file's digest, or
    the URL's when no digest is known.
    """
    shaped = _PYPI_PATH.search(path)
    if shaped and unquote(shaped[2]) == filename:
        return shaped[1]
    digest = sha256 or blake2b(absolute.encode(), digest_size=32).hexdigest()
    return f"{digest[:2]}/{digest[2:4]}/{digest[4:]}"


def _sha256(value: object) -> str | None:
    digest = value.lower() if isinstance(value, str) else ""
    return digest if _SHA256.match(digest) else None


def _time(value: object) -> str | None:
    """Write a time as PEP 700 has it: in UTC, marked "Z", six digits of a second at most.

    One without a zone is taken for UTC, the only zone that PEP 700 knows; clients reject it as it is.
    """
    shape = _TIME.match(value) if isinstance(value, str) else None
    if shape is None or not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.upper())
        if shape["zone"] == "Z" and value[10] == "T" and len(shape["fraction"] or "") <= 7:
            return value
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat().removesuffix("+00:00") + "Z"


def _yanked(value: object) -> bool | str:
    """Read PEP 592's mark. An empty reason is none, but the mark is there: clients disagree on ""."""
    if isinstance(value, str):
        return value or True
    return value is True


def _core_metadata(record: Mapping[str, object]) -> bool | str:
    for key in _METADATA_KEYS:
        value = record.get(key)
        if isinstance(value, Mapping):
            return True if "sha256" not in value else _sha256(value["sha256"]) or False
        if isinstance(value, bool):
            return value
    return False


def _provenance(value: str, url: str) -> str | None:
    found = address(value, url)
    return found[0] if found else None
