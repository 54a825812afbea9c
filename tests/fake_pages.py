"""The project pages of the fake upstream, in JSON and in HTML."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from distributions import Distribution


@dataclass(eq=False, slots=True)
class Held:
    """A file that the fake has, and what its page says of it."""

    distribution: Distribution
    upload_time: str = "2024-01-02T03:04:05.000000Z"
    yanked: bool | str = False
    metadata: str = "advertised"
    provenance: bytes | None = None
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        return self.distribution.filename

    @property
    def body(self) -> bytes:
        return self.distribution.body

    @property
    def advertised(self) -> bool:
        return self.metadata == "advertised" and self.filename.endswith(".whl")

    @property
    def metadata_sha256(self) -> str:
        return hashlib.sha256(self.distribution.metadata).hexdigest()


@dataclass(frozen=True, slots=True)
class Page:
    """How a page is written.

    ``base``: what file URLs begin with; ``hashes``: names of algorithms; ``plus``: how a plus sign
    stands in a URL; ``based``: ``base`` stands in a ``<base>``, and the links are relative to it.
    """

    base: str
    timed: bool
    hashes: tuple[str, ...]
    plus: str = "+"
    based: bool = False

    def url(self, held: Held) -> str:
        path = held.distribution.path.replace("+", self.plus)
        return path if self.based else f"{self.base}/{path}"

    def digests(self, held: Held) -> dict[str, str]:
        known = {"sha256": held.distribution.sha256}
        return {name: known.get(name) or hashlib.new(name, held.body).hexdigest() for name in self.hashes}


def json_page(files: Sequence[Held], *, how: Page, root: Mapping[str, object]) -> bytes:
    """A page as PyPI has it (API 1.4). ``root``: its keys beside files and versions."""
    versions = sorted({held.distribution.version for held in files})
    records = [_record(held, how) for held in files]
    return json.dumps({"versions": versions, "files": records, **root}).encode()


def html_page(files: Sequence[Held], *, how: Page) -> bytes:
    """A page as HTML-only indexes have it."""
    lines = []
    for held in files:
        said = {"href": how.url(held)}
        if how.hashes:
            name, digest = next(iter(how.digests(held).items()))
            said["href"] += f"#{name}={digest}"
        if held.distribution.requires_python:
            said["data-requires-python"] = held.distribution.requires_python
        if held.yanked is not False:
            said["data-yanked"] = "" if held.yanked is True else held.yanked
        if held.advertised:
            said["data-dist-info-metadata"] = f"sha256={held.metadata_sha256}"
        if how.timed:
            said["data-upload-time"] = held.upload_time
        attributes = " ".join(f'{key}="{escape(value)}"' for key, value in said.items())
        lines.append(f"<a {attributes}>{held.filename}</a><br/>\n")
    head = f'<head><base href="{how.base}/"></head>\n' if how.based else ""
    return f"<!DOCTYPE html>\n<html>\n{head}<body>\n{''.join(lines)}</body>\n</html>\n".encode()


def list_json(names: Iterable[str]) -> bytes:
    """The list of projects as PyPI has it."""
    projects = [{"name": name} for name in names]
    return json.dumps({"meta": {"api-version": "1.4"}, "projects": projects}).encode()


def list_html(names: Iterable[str]) -> bytes:
    """The list of projects as HTML-only indexes have it."""
    links = "".join(f'<a href="{name}/">{name}</a><br/>\n' for name in names)
    return f"<!DOCTYPE html>\n<html><body>\n{links}</body></html>\n".encode()


def _record(held: Held, how: Page) -> dict[str, object]:
    return {
        "filename": held.filename,
        "url": f"{how.base}/{held.distribution.path}".replace("+", how.plus),
        "hashes": how.digests(held),
        "size": len(held.body),
        "requires-python": held.distribution.requires_python or None,
        "yanked": held.yanked,
        "core-metadata": {"sha256": held.metadata_sha256} if held.advertised else False,
        **({"upload-time": held.upload_time} if how.timed else {}),
        **({"provenance": f"{how.base}/{held.distribution.path}.provenance"} if held.provenance else {}),
        **held.extra,
    }
