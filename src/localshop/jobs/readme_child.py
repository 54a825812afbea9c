"""The process that renders one README, from stdin to stdout, under limits that it cannot lift.

It is given two seconds of processor time and 256 MiB of memory; whoever runs it ends it when it meets one
of them, or writes more than it may.
"""

from __future__ import annotations

import io
import re
import sys
from html import escape, unescape

import nh3
from markdown_it import MarkdownIt
from readme_renderer import rst

from localshop.jobs.child import limit

LARGEST_OUTPUT = 2 << 20
"""Bytes of HTML."""
_LARGEST_INPUT = 2 << 20
_SECONDS = 2
_MEMORY = 256 << 20

_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "del",
    "details", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "kbd", "li",
    "ol", "p", "pre", "q", "s", "samp", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody",
    "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"alt"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
_SCHEMES = {"http", "https", "mailto"}
_PICTURE = re.compile(r'<img(?: alt="([^"]*)")?>')


def main() -> None:
    """Render what comes on stdin; the one argument is its content type. Plain text gives nothing."""
    limit(seconds=_SECONDS, memory=_MEMORY)
    text = sys.stdin.buffer.read(_LARGEST_INPUT + 1)
    if len(text) > _LARGEST_INPUT:
        return
    html = render(text.decode("utf-8", "replace"), sys.argv[1] if len(sys.argv) > 1 else "")
    sys.stdout.write(html)


def render(text: str, content_type: str) -> str:
    """Safe HTML of a description; empty: it is plain text, or broken."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/markdown":
        # With tables and strike-through; HTML in it is let through here, and cleaned like the rest.
        return clean(MarkdownIt("js-default", {"html": True}).render(text))
    if kind in {"", "text/x-rst"}:
        # No content type means reST (core metadata, "Description-Content-Type"). No raw HTML and no
        # inserted files: readme_renderer switches both off.
        html = rst.render(text, stream=io.StringIO())
        return clean(html) if html is not None else ""
    return ""


def clean(html: str) -> str:
    """Let through only what is known to do no harm in a page of ours; of pictures their description stays."""
    tidy = _cleaned(html, {*_TAGS, "img"})
    # Its own writing again, so that nothing which comes of the replacement gets past it.
    return _cleaned(_PICTURE.sub(_described, tidy), _TAGS)


def _cleaned(html: str, tags: set[str]) -> str:
    return nh3.clean(
        html,
        tags=tags,
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        link_rel="nofollow noopener",
        url_schemes=_SCHEMES,
    )


def _described(picture: re.Match[str]) -> str:
    """No picture of elsewhere is loaded: it would tell its owner who reads what."""
    text = unescape(picture[1] or "").strip()
    return f"<em>{escape(text)}</em>" if text else ""


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Drop links that are not absolute: beside a README of ours they lead somewhere else than meant."""
    if (tag, name) != ("a", "href"):
        return value
    scheme, colon, _ = value.partition(":")
    return value if colon and scheme.lower() in _SCHEMES else None


if __name__ == "__main__":
    main()
