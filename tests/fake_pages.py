"""The project pages of the fake upstream, in JSON and in HTML."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
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


def json_page(
    files: Sequence[Held], *, base: str, timed: bool, hashes: bool, root: Mapping[str, object]
) -> bytes:
    """A page as PyPI has it (API 1.4). ``root``: its keys beside files and versions."""
    versions = sorted({held.distribution.version for held in files})
    records = [_record(held, base=base, timed=timed, hashes=hashes) for held in files]
    return json.dumps({"versions": versions, "files": records, **root}).encode()


def html_page(files: Sequence[Held], *, base: str, timed: bool, hashes: bool) -> bytes:
    """A page as HTML-only indexes have it."""
    lines = []
    for held in files:
        said = {"href": f"{base}/{held.distribution.path}"}
        if hashes:
            said["href"] += f"#sha256={held.distribution.sha256}"
        if held.distribution.requires_python:
            said["data-requires-python"] = held.distribution.requires_python
        if held.yanked is not False:
            said["data-yanked"] = "" if held.yanked is True else held.yanked
        if held.advertised:
            said["data-dist-info-metadata"] = f"sha256={held.metadata_sha256}"
        if timed:
            said["data-upload-time"] = held.upload_time
        attributes = " ".join(f'{key}="{escape(value)}"' for key, value in said.items())
        lines.append(f"<a {attributes}>{held.filename}</a><br/>\n")
    return f"<!DOCTYPE html>\n<html>\n<body>\n{''.join(lines)}</body>\n</html>\n".encode()


def _record(held: Held, *, base: str, timed: bool, hashes: bool) -> dict[str, object]:
    return {
        "filename": held.filename,
        "url": f"{base}/{held.distribution.path}",
        "hashes": {"sha256": held.distribution.sha256} if hashes else {},
        "size": len(held.body),
        "requires-python": held.distribution.requires_python or None,
        "yanked": held.yanked,
        "core-metadata": {"sha256": held.metadata_sha256} if held.advertised else False,
        **({"upload-time": held.upload_time} if timed else {}),
        **({"provenance": f"{base}/{held.distribution.path}.provenance"} if held.provenance else {}),
        **held.extra,
    }
