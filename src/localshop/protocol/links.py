"""An upstream's HTML page, taken apart: links as records in the shape of PEP 691's JSON, metas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

# A page that is made of nothing but these tags, written like this, needs no parser, which takes twice as
# long. What stands between them is text everywhere, unlike in a script. (The empty name is the DOCTYPE's.)
_PLAIN_TAGS = frozenset({"", "html", "head", "meta", "title", "body", "h1", "a", "br", "base"})
_ENTITY = r"&(?:amp|lt|gt|quot|#[0-9]{1,6});"
_ATTRIBUTE = rf'[a-zA-Z][a-zA-Z-]*="[^"<&]*(?:{_ENTITY}[^"<&]*)*"'
_PLAIN_TAG = re.compile(rf"<(?:!DOCTYPE html|(/?)([a-zA-Z1]+)((?:[ \t\r\n]+{_ATTRIBUTE})*)[ \t\r\n]*/?)>")
_PAIR = re.compile(r'([a-zA-Z-]+)="([^"]*)"')

_HASHES = frozenset({"sha256", "sha512", "sha384", "sha224", "sha1", "md5", "blake2b"})


class Links(HTMLParser):
    """Gathers the anchors and metas of a page that was read from ``url``.

    Give it the whole page with one `read`, and never call `close`: on Python 3.11 that takes quadratic time
    for tags that are left open (19 s for 60 kB of them), and what it would add is no link.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.base = url
        self.metas: dict[str, str] = {}
        self.records: list[dict[str, object]] = []
        self._based = False

    def read(self, text: str) -> None:
        """Take in a whole page."""
        tags = _PLAIN_TAG.findall(text)
        names = {tag.lower() for _, tag, _ in tags}
        if len(tags) != text.count("<") or not names <= _PLAIN_TAGS:
            self.feed(text)
            return
        for end, tag, attributes in tags:
            if attributes and not end:
                pairs = _PAIR.findall(attributes)
                values = [(name.lower(), unescape(value) if "&" in value else value) for name, value in pairs]
                self.handle_starttag(tag.lower(), values)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in a tag; of an attribute that stands twice the first counts, as in browsers."""
        if tag not in ("a", "meta", "base"):
            return
        found = dict(reversed(attrs))
        if tag == "a":
            if href := found.get("href"):
                self.records.append(_record(href.strip(), found))
        elif tag == "meta":
            self.metas.setdefault((found.get("name") or "").lower(), found.get("content") or "")
        elif (href := found.get("href")) and not self._based:
            self._based = True
            try:
                self.base = urljoin(self.base, href.strip())
            except ValueError:
                return


def _record(href: str, found: Mapping[str, str | None]) -> dict[str, object]:
    """Make a record of an anchor (PEP 503, 592, 658, 714, 740; sizes and times as some mirrors give them)."""
    address, _, fragment = href.partition("#")
    record: dict[str, object] = {"filename": _filename(address), "url": address, "hashes": _hashes(fragment)}
    for key in ("requires-python", "upload-time", "provenance"):
        if value := found.get(f"data-{key}"):
            record[key] = value
    if "data-yanked" in found:
        record["yanked"] = found["data-yanked"] or True
    for key in ("core-metadata", "dist-info-metadata"):
        if (value := found.get(f"data-{key}")) is not None:
            record[key] = _hashes(value) or value.lower() == "true"
    size = found.get("data-size") or ""
    # Twenty digits or more are no size, and long numbers take long to read.
    if size.isascii() and size.isdigit() and len(size) < 20:
        record["size"] = int(size)
    return record


def _filename(address: str) -> str:
    """Take the file name from the link's path, as pip does; PEP 503 wants the text to be the same."""
    path = address
    if "?" in address:
        try:
            path = urlsplit(address).path
        except ValueError:
            return ""
    name = path.rpartition("/")[2]
    return unquote(name) if "%" in name else name


def _hashes(text: str) -> dict[str, str]:
    """Read ``sha256=…`` as it stands in fragments and in attributes."""
    pairs = (pair.partition("=") for pair in text.split("&"))
    return {name: digest for name, _, digest in pairs if name in _HASHES}
