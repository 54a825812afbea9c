"""Brings a backup back: first the files, each against its digest, then the tables in one transaction."""

from __future__ import annotations

import gzip
import hashlib
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

from localshop.backup.shape import Manifest
from localshop.backup.sources import Source
from localshop.backup.targets import pieces_of, written
from localshop.catalog import dump, migrating
from localshop.catalog.dump import Contents
from localshop.catalog.sealing import unseal
from localshop.errors import BadInput, BadSetting
from localshop.storage.parts import remove_old_parts
from localshop.storage.stores import Store

_SHOWN = 3
_PARTS = "restore-*.part"


@dataclass(slots=True)
class Restored:
    """What was brought back; ``size`` in bytes."""

    manifest: Manifest
    rows: int
    files: int
    size: int
    lacking: list[str] = field(default_factory=list)
    """SHA-256 of files that the tables name and the backup has not."""
    passwords_lost: list[str] = field(default_factory=list)
    """URLs of upstreams whose passwords have to be given again."""


def bring_back(
    source: Source,
    store: Store,
    *,
    passwords: bool,
    incomplete: bool,
    tell: Callable[[int, int], None],
) -> Restored:
    """Bring back a snapshot into an empty database; ``tell`` hears how many files of how many are here.

    Not ``passwords``: those of upstreams are left out. Without ``incomplete`` nothing is brought back
    unless all files are there. Until the last step nothing can be seen of it, so that it can be cut and
    begun again. Raises ``BadInput`` with what is wrong.
    """
    with gzip.open(source.tables) as lines:
        found = dump.contents(lines)
    if not migrating.knows(found.migration):
        raise BadInput(
            f"This backup is of a newer localshop than this one: its tables have seen {found.migration}."
        )
    lost = [] if passwords else [url for url, _ in found.sealed]
    if passwords:
        _check_passwords(found)
    names = _files(source, store, found, incomplete=incomplete, tell=tell)
    if not source.last:
        raise BadInput("This backup is not whole: it was cut before its end.")
    manifest = source.last[-1]
    lacking = sorted(found.blobs.keys() - names.keys())
    known = {*manifest.missing, *manifest.damaged}
    if not incomplete and not known.issuperset(lacking):
        raise _not_whole([one for one in lacking if one not in known])
    migrating.migrate(until=found.migration)
    with gzip.open(source.tables) as lines:
        dump.load(lines, names=names, passwords=passwords)
    migrating.migrate()
    return Restored(
        manifest=manifest,
        rows=sum(found.rows.values()),
        files=len(names),
        size=sum(found.blobs[sha256] for sha256 in names),
        lacking=lacking,
        passwords_lost=lost,
    )


def _check_passwords(found: Contents) -> None:
    for url, sealed in found.sealed:
        try:
            unseal(sealed)
        except BadSetting:
            raise BadInput(
                f"The password of the upstream {url} was sealed with another secret key. Put the file "
                "`secret_key` of the old home into this one, or restore with --without-passwords."
            ) from None


def _files(
    source: Source, store: Store, found: Contents, *, incomplete: bool, tell: Callable[[int, int], None]
) -> dict[str, str]:
    # What one that was killed has left; nobody else is at it.
    remove_old_parts(store.scratch, before=math.inf, pattern=_PARTS)
    names = {}
    damaged = []
    for sha256, file in source.files:
        if sha256 not in found.blobs or sha256 in names:
            continue
        name = _file(store, sha256, found.blobs[sha256], file)
        if name is None:
            damaged.append(sha256)
        else:
            names[sha256] = name
        tell(len(names), len(found.blobs))
    if damaged and not incomplete:
        raise _not_whole(damaged)
    return names


def _file(store: Store, sha256: str, size: int, file: IO[bytes]) -> str | None:
    """Store one file; what the storage calls it, or None when its bytes are not those of its digest."""
    name = store.name_for(sha256)
    if store.size(name) == size:
        with store.open(name) as stored:
            digest = hashlib.sha256()
            for piece in pieces_of(stored):
                digest.update(piece)
        if digest.hexdigest() == sha256:
            return name
        # A storage elsewhere keeps what it has, as long as the size is right.
        store.delete(name)
    part = store.scratch / _PARTS.replace("*", secrets.token_hex(8))
    try:
        came, _ = written(part, pieces_of(file))
        return store.commit(part, sha256=sha256) if came == sha256 else None
    finally:
        part.unlink(missing_ok=True)


def _not_whole(digests: list[str]) -> BadInput:
    shown = ", ".join(digests[:_SHOWN]) + (" …" if len(digests) > _SHOWN else "")
    return BadInput(
        f"This backup is damaged: of {len(digests)} files that it should have the bytes are missing or wrong "
        f"({shown}). With --incomplete everything else is brought back."
    )
