"""The Simple API's bytes: a project's page and the list of projects, in JSON and in HTML.

API version 1.4 (PEP 503, 592, 658, 691, 700, 714, 740, 792), shaped so that every client takes them: one
hash that each of them knows, no nulls (some reject the whole page for one), one anchor per line (some read
HTML with a regular expression), and the same bytes for the same page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from localshop.protocol import quickjson
from localshop.protocol.pages import Page, Shown

API_VERSION = "1.4"

# What an upstream's unknown keys must not become on our page: keys that we speak for ourselves, keys of
# drafts that were rejected or that promise what we do not do (PEP 708, PEP 752), and a signature file that
# would be looked for beside our URL (PEP 503).
_OUR_PAGE_KEYS = frozenset(
    {
        *("meta", "name", "project-status", "versions", "files"),
        *("tracks", "alternate-locations", "namespaces"),
    }
)
_OUR_FILE_KEYS = frozenset(
    {
        *("filename", "url", "hashes", "size", "requires-python", "upload-time", "yanked", "provenance"),
        *("core-metadata", "dist-info-metadata", "data-dist-info-metadata", "gpg-sig"),
        *("tracks", "alternate-locations", "namespaces"),
    }
)

# A line break must not end an anchor's line; other control characters cannot be said in HTML at all.
_ESCAPES = str.maketrans(
    {chr(code): "\ufffd" for code in (*range(32), *range(127, 160))}
    | {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
    | {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)


def page_json(page: Page) -> bytes:
    """Write a project's page as ``application/vnd.pypi.simple.v1+json`` (PEP 691)."""
    status = {"status": page.status}
    if page.status_reason:
        status["reason"] = page.status_reason
    record: dict[str, object] = {
        "meta": {"api-version": API_VERSION},
        "name": page.name,
        "project-status": status,
        "versions": page.versions,
        "files": [_file(shown) for shown in page.files],
    }
    _add(record, page.extra, _OUR_PAGE_KEYS)
    return _json(record)


def page_html(page: Page) -> bytes:
    """Write a project's page as HTML (PEP 503, frozen at 1.4 by PEP 833): no keys but the standard's.

    ``data-size`` and ``data-upload-time`` are not in the standard, but what makes a cooldown work for
    clients that read HTML.
    """
    metas = [f'    <meta name="pypi:project-status" content="{_escape(page.status)}">\n']
    if page.status_reason:
        reason = _escape(page.status_reason)
        metas.append(f'    <meta name="pypi:project-status-reason" content="{reason}">\n')
    return _html(f"Links for {page.name}", "".join(metas), map(_anchor, page.files))


def list_json(names: Iterable[str]) -> bytes:
    """Write the list of projects as ``application/vnd.pypi.simple.v1+json`` (PEP 691)."""
    return _json({"meta": {"api-version": API_VERSION}, "projects": [{"name": name} for name in names]})


def list_html(names: Iterable[str]) -> bytes:
    """Write the list of projects as HTML (PEP 503), with links relative to the list's own URL."""
    escaped = map(_escape, names)
    return _html("Simple index", "", (f'<a href="{name}/">{name}</a>' for name in escaped))


def _file(shown: Shown) -> dict[str, object]:
    record: dict[str, object] = {
        "filename": shown.filename,
        "url": shown.url,
        "hashes": {"sha256": shown.sha256} if shown.sha256 else {},
    }
    if shown.size is not None:
        record["size"] = shown.size
    if shown.upload_time:
        record["upload-time"] = shown.upload_time
    if shown.requires_python:
        record["requires-python"] = shown.requires_python
    # Scripts that were written against PyPI take this key for granted.
    record["yanked"] = shown.yanked or False
    if shown.core_metadata:
        metadata = True if shown.core_metadata is True else {"sha256": shown.core_metadata}
        # The second name is the one of PEP 658 as it was first implemented, which old clients read.
        record["core-metadata"] = record["data-dist-info-metadata"] = metadata
    if shown.provenance:
        record["provenance"] = shown.provenance
    if shown.extra:
        _add(record, shown.extra, _OUR_FILE_KEYS)
    return record


def _add(record: dict[str, object], extra: Mapping[str, object], ours: frozenset[str]) -> None:
    """Add an upstream's unknown keys. A key that starts with "_" is private to its server (PEP 691)."""
    record.update(
        (key, value)
        for key, value in extra.items()
        if key not in ours and not key.startswith("_") and value is not None
    )


def _json(record: dict[str, object]) -> bytes:
    return quickjson.dumps(record)


def _anchor(shown: Shown) -> str:
    """Write one anchor, with PyPI's attributes in PyPI's order, then the two that are not standard."""
    parts = [f'<a href="{_escape(shown.url)}']
    if shown.sha256:
        parts.append(f"#sha256={shown.sha256}")
    if shown.requires_python:
        parts.append(f'" data-requires-python="{_escape(shown.requires_python)}')
    if shown.yanked:
        parts.append(f'" data-yanked="{"" if shown.yanked is True else _escape(shown.yanked)}')
    if shown.core_metadata:
        metadata = "true" if shown.core_metadata is True else f"sha256={shown.core_metadata}"
        parts.append(f'" data-dist-info-metadata="{metadata}" data-core-metadata="{metadata}')
    if shown.provenance:
        parts.append(f'" data-provenance="{_escape(shown.provenance)}')
    if shown.size is not None:
        parts.append(f'" data-size="{shown.size}')
    if shown.upload_time:
        parts.append(f'" data-upload-time="{shown.upload_time}')
    parts.append(f'">{_escape(shown.filename)}</a>')
    return "".join(parts)


def _html(title: str, metas: str, anchors: Iterable[str]) -> bytes:
    title = _escape(title)
    lines = "".join([f"    {anchor}<br />\n" for anchor in anchors])
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n'
        "  <head>\n"
        f'    <meta name="pypi:repository-version" content="{API_VERSION}">\n'
        f"{metas}"
        f"    <title>{title}</title>\n"
        "  </head>\n"
        "  <body>\n"
        f"    <h1>{title}</h1>\n"
        f"{lines}"
        "  </body>\n"
        "</html>\n"
    ).encode(errors="replace")


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)
