"""An upstream's page of a project, kept as one document: its records, and how they are packed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

# Stands first in what is packed; another number means that the page has to be fetched again.
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One file on an upstream's page, as far as it can be believed.

    ``url`` is absolute, without fragment and user info. ``path`` is our own below ``packages/``, as
    ``aa/bb/rest`` without the file name. ``sha256`` is lower-case hex, ``size`` in bytes, ``upload_time``
    ``YYYY-MM-DDThh:mm:ss[.ffffff]Z`` in UTC. ``yanked`` is True or a reason, never "". ``core_metadata`` is
    the sha256 of the METADATA, or True when only its existence is known. ``extra`` has the keys of the
    record that we do not know (PEP 691 allows them), and ``_hashes`` when there are some but no sha256.
    """

    filename: str
    url: str
    path: str
    sha256: str | None = None
    size: int | None = None
    requires_python: str | None = None
    upload_time: str | None = None
    yanked: bool | str = False
    core_metadata: bool | str = False
    provenance: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """An upstream's page. ``name`` is normalised, ``status`` is one of PEP 792's.

    ``extra`` has the page's unknown keys; ``dropped`` counts the entries that could not be believed.
    """

    name: str
    files: tuple[Entry, ...]
    status: str = "active"
    status_reason: str = ""
    extra: Mapping[str, object] = field(default_factory=dict)
    dropped: int = 0


def entry_to_json(entry: Entry) -> dict[str, object]:
    """Give an entry as a mapping that JSON can hold; `entry_from_json` reads it."""
    return {name: getattr(entry, name) for name in Entry.__slots__}


def entry_from_json(record: Mapping[str, object]) -> Entry:
    """Read what `entry_to_json` gave."""
    return Entry(**record)  # type: ignore[arg-type]  # It was an entry.


def pack(document: Document) -> bytes:
    """Make a document small enough to be kept in a row of a database."""
    rows = [
        (
            entry.filename,
            entry.url,
            entry.path,
            entry.sha256,
            entry.size,
            entry.requires_python,
            entry.upload_time,
            entry.yanked,
            entry.core_metadata,
            entry.provenance,
            entry.extra,
        )
        for entry in document.files
    ]
    head = (document.name, document.status, document.status_reason, document.extra, document.dropped)
    # The lowest level: most of a page is digests, which no level makes smaller.
    return zlib.compress(json.dumps((_FORMAT, head, rows), separators=(",", ":")).encode(), level=1)


def unpack(data: bytes) -> Document:
    """Read what `pack` made; ValueError when it is something else."""
    try:
        number, head, rows = json.loads(zlib.decompress(data))
        if number != _FORMAT:
            raise ValueError(f"A stored page has format {number!r}, not {_FORMAT}.")
        name, status, reason, extra, dropped = head
        return Document(
            name=name,
            files=tuple([Entry(*row) for row in rows]),
            status=status,
            status_reason=reason,
            extra=extra,
            dropped=dropped,
        )
    except (zlib.error, TypeError) as error:
        raise ValueError(f"A stored page cannot be read: {error}.") from error
