"""A file for a look inside: its bytes as a path on this machine, verified, and gone again afterwards.

A file that is not stored is fetched for the look alone. It is not kept, and nobody gets it for that:
one looks before one decides.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from localshop.catalog import files
from localshop.catalog.records import BlobRecord, RepositoryRecord
from localshop.errors import DigestMismatch, UpstreamGone, UpstreamNonsense
from localshop.shop import Shop
from localshop.storage.stores import Store

from .locate import Located, locate

_LARGEST = 2 << 30
_PIECE = 1 << 20


@asynccontextmanager
async def borrowed(shop: Shop, repository: RepositoryRecord, path: str, filename: str) -> AsyncIterator[Path]:
    """The bytes of the file at this place.

    Raises the upstream's and the storage's errors; ``UpstreamGone`` when there is no such file.
    """
    row = await shop.look(files.file_at, repository.id, path, filename)
    blob = row.blob if row is not None else None
    local = shop.store.local_path(blob.name) if blob is not None else None
    if local is not None:
        yield local
        return
    # The suffix is that of what comes in: what a crash leaves is tidied away.
    copy = shop.store.scratch / f"inspect-{secrets.token_hex(8)}.part"
    try:
        if blob is not None:
            await shop.carry(_copy, shop.store, blob, copy)
        else:
            await _fetch(shop, await _located(shop, repository, path, filename), copy)
        yield copy
    finally:
        copy.unlink(missing_ok=True)


async def _located(shop: Shop, repository: RepositoryRecord, path: str, filename: str) -> Located:
    located = await locate(shop, repository, path, filename)
    if located is None:
        raise UpstreamGone(f"There is no file {filename!r} any more.")
    return located


def _copy(store: Store, blob: BlobRecord, copy: Path) -> None:
    with store.open(blob.name) as stored, copy.open("wb") as target:
        while piece := stored.read(_PIECE):
            target.write(piece)


async def _fetch(shop: Shop, located: Located, copy: Path) -> None:
    entry, digest, size = located.entry, hashlib.sha256(), 0
    async with shop.upstream.open(located.source, entry.url) as stream:
        with copy.open("wb") as target:
            async for piece in stream.chunks():
                size += len(piece)
                if size > min(_LARGEST, entry.size if entry.size is not None else _LARGEST):
                    raise UpstreamNonsense(f"{entry.filename} is longer than it may be.")
                digest.update(piece)
                target.write(piece)
    if entry.sha256 and digest.hexdigest() != entry.sha256:
        raise DigestMismatch(f"{entry.filename} has the sha256 {digest.hexdigest()}, not {entry.sha256}.")
