"""An upstream's page of a project, kept as one document: its records, and how they are packed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from localshop.protocol import quickjson

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
    ``seen`` is when we first saw it, in seconds since the epoch, where ``upload_time`` tells nothing; it is
    for the judge alone.
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
    seen: float | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Where it is found: its path below ``packages/`` and its name."""
        return self.path, self.filename


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


def with_first_seen(document: Document, before: Document | None, *, changed: float, now: float) -> Document:
    """Note when we first saw the files whose upload time is not told, or is still to come.

    ``before`` is what the same upstream said until now, since the time ``changed``. What was noted while a
    clock ran ahead was seen now at the latest.
    """
    latest = f"{datetime.fromtimestamp(now, tz=UTC):%Y-%m-%dT%H:%M:%SZ}"
    unsure = {entry.place for entry in document.files if not entry.upload_time or entry.upload_time > latest}
    known = {
        entry.place: min(now, changed if entry.seen is None else entry.seen)
        for entry in (before.files if before is not None else ())
        if entry.seen is not None or entry.place in unsure
    }
    if not unsure and not known:
        return document
    files = [
        replace(entry, seen=known.get(entry.place, now))
        if entry.place in unsure or entry.place in known
        else entry
        for entry in document.files
    ]
    return replace(document, files=tuple(files))


def moment_of(upload_time: str | None) -> float | None:
    """An upload time as seconds since the epoch."""
    return datetime.fromisoformat(upload_time).timestamp() if upload_time else None


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
            *(() if entry.seen is None else (entry.seen,)),
        )
        for entry in document.files
    ]
    head = (document.name, document.status, document.status_reason, document.extra, document.dropped)
    # The lowest level: most of a page is digests, which no level makes smaller.
    return zlib.compress(quickjson.dumps((_FORMAT, head, rows)), level=1)


def unpack(data: bytes) -> Document:
    """Read what `pack` made; ValueError when it is something else."""
    try:
        number, head, rows = quickjson.loads(zlib.decompress(data))
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
