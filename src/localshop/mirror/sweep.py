"""Frees space: what nobody needs any more, and mirrored files that were not used for longest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from localshop.catalog import blobs
from localshop.shop import Shop
from localshop.storage.parts import is_old, remove_old_parts
from localshop.storage.stores import Store

GRACE = 3600.0
"""Seconds for which nothing is taken for left behind: it may be on its way to a table."""


@dataclass(slots=True)
class Swept:
    """What went, or with ``dry_run`` would have; sizes are in bytes."""

    unreferenced: int = 0
    """Stored files that no file of a project has any more."""
    orphans: int = 0
    """Stored files that are in no table."""
    parts: int = 0
    """Files that did not arrive to their end."""
    evicted: int = 0
    """Mirrored files that made room."""
    freed: int = 0
    mirrored: int = 0
    """What mirrored files take now."""


def sweep(shop: Shop, *, limit: int | None, leftovers: bool = True, dry_run: bool = False) -> Swept:
    """Free space; this is blocking work.

    ``limit`` is how many bytes mirrored files may take; those that were not used for longest go
    first. Private files never go, nor does anything that could not be fetched again; offline, that
    is everything. Who reads a file that goes reads it to its end, on POSIX. What was known of it
    stays, above all its digest: only the same bytes can come back.

    Without ``leftovers`` only parts and mirrored files go.
    """
    swept = Swept()
    before = shop.now() - GRACE
    parts = remove_old_parts(shop.store.scratch, before=before, dry_run=dry_run)
    swept.parts += len(parts)
    swept.freed += sum(parts)
    if leftovers:
        _sweep_unreferenced(shop.store, swept, before=before, dry_run=dry_run)
        _sweep_orphans(shop.store, swept, before=before, dry_run=dry_run)
    swept.mirrored = blobs.mirrored_amount()
    if limit is not None and swept.mirrored > limit and not shop.config.offline:
        if not dry_run:
            blobs.used_at_last(shop.now())
        _evict(shop.store, swept, limit=limit, dry_run=dry_run)
    return swept


def orphans(store: Store, *, before: float) -> Iterator[str]:
    """Names of stored files that are in no table, and came before that (seconds since the epoch)."""
    for name in blobs.unknown(store.names()):
        came = store.modified(name)
        if came is not None and is_old(came, before=before):
            yield name


def digest_in(name: str) -> str:
    """The SHA-256 that a name of a stored file is made from."""
    return name.rpartition("/")[2][:64]


def _sweep_unreferenced(store: Store, swept: Swept, *, before: float, dry_run: bool) -> None:
    for one in blobs.unreferenced(before=before):
        if dry_run or blobs.remove_unreferenced(one.id, remove=store.delete):
            swept.unreferenced += 1
            swept.freed += one.size


def _sweep_orphans(store: Store, swept: Swept, *, before: float, dry_run: bool) -> None:
    for name in list(orphans(store, before=before)):
        size = store.size(name) or 0
        if dry_run or blobs.remove_orphan(name, sha256=digest_in(name), remove=store.delete):
            swept.orphans += 1
            swept.freed += size


def _evict(store: Store, swept: Swept, *, limit: int, dry_run: bool) -> None:
    for one in blobs.least_used():
        if swept.mirrored <= limit:
            return
        if dry_run or blobs.evict(one.id, remove=store.delete):
            swept.evicted += 1
            swept.freed += one.size
            swept.mirrored -= one.size
