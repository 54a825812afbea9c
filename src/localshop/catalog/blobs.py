"""Bytes at rest as those see them who check them all, and those who make room.

Bytes are removed inside the transaction that forgets them, with their row locked: nobody can come
to own bytes between the look at who has them and their end. Whoever registers bytes that cannot be
fetched again must look, in the transaction that registers them, whether the storage has them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Sum

from . import holds
from .files import forget
from .models import Blob, File, Project, Repository
from .records import BlobRecord, HolderRecord, StoredRecord

Remove = Callable[[str], None]
"""Removes the bytes of this name from the storage."""
_USE_GRAIN = 600.0
_AHEAD = 172_800.0
_BATCH = 400


def newest() -> int:
    """The highest id of a blob; 0: there is none."""
    return Blob.objects.aggregate(all=Max("id"))["all"] or 0


def amount_between(after: int, until: int) -> tuple[int, int]:
    """How many blobs have ids above ``after`` up to ``until``, and their bytes."""
    rows = Blob.objects.filter(id__gt=after, id__lte=until)
    return rows.count(), rows.aggregate(all=Sum("size"))["all"] or 0


def some_between(after: int, until: int, *, limit: int) -> list[StoredRecord]:
    """The first of these blobs by id, with who has them."""
    rows = Blob.objects.filter(id__gt=after, id__lte=until).order_by("id")[:limit]
    return [_stored(row) for row in rows]


def stored(blob_id: int) -> StoredRecord | None:
    """The blob of this id, unless it is gone: an id is never given a second time."""
    row = Blob.objects.filter(id=blob_id).first()
    return _stored(row) if row is not None else None


def lost() -> list[tuple[str, HolderRecord]]:
    """Private files whose bytes are not here, each with its SHA-256."""
    # Not those that were only ever wanted of a project that was a mirrored one then.
    uploaded = File.objects.filter(project__kind=Project.Kind.PRIVATE, upstream=None, pinned=True)
    rows = uploaded.filter(blob=None).exclude(state=File.State.DELETED).order_by("id")
    return [(row.sha256, _holder(row)) for row in rows.select_related("project", "repository")]


def found_again(*, sha256: str, size: int, name: str) -> BlobRecord:
    """The storage has these bytes, verified: give them to every file that lacks them."""
    with transaction.atomic():
        blob, _ = Blob.objects.get_or_create(sha256=sha256, defaults={"size": size, "name": name})
        Project.objects.filter(files__blob=None, files__sha256=sha256).update(arrivals=F("arrivals") + 1)
        File.objects.filter(blob=None, sha256=sha256).update(blob=blob)
    return BlobRecord(sha256=blob.sha256, size=blob.size, name=blob.name)


def unknown(names: Iterable[str]) -> Iterator[str]:
    """Those of these names of stored files that no row has."""
    for some in _batches(names):
        known = set(Blob.objects.filter(name__in=some).values_list("name", flat=True))
        yield from (name for name in some if name not in known)


def note_use(digests: Collection[str], *, now: float) -> None:
    """Write down that blobs (by SHA-256) were used a moment ago; ``now`` in seconds since the epoch."""
    with transaction.atomic():
        for some in _batches(digests):
            grain = Q(last_used__lt=now - _USE_GRAIN) | Q(last_used__gt=now + _USE_GRAIN)
            stale = Blob.objects.filter(grain, sha256__in=some)
            # Two processes that lock the same rows in another order would wait for each other.
            ids = list(stale.select_for_update(skip_locked=True).values_list("id", flat=True))
            if ids:
                Blob.objects.filter(id__in=ids).update(last_used=now)


def mirrored_amount() -> int:
    """Bytes that only mirrored files have."""
    return _mirrored().aggregate(all=Sum("size"))["all"] or 0


def used_at_last(now: float) -> None:
    """Nothing was used later than now: what seems so was used while the clock ran ahead."""
    with transaction.atomic():
        Blob.objects.filter(last_used__gt=now + _USE_GRAIN).update(last_used=now)


def least_used() -> list[StoredRecord]:
    """Bytes that could be fetched again whenever they are asked for, the longest unused first.

    Without their holders. Not among them is what a private file has, what has lost its upstream,
    and what is in a repository that fetches nothing.
    """
    return [_stored(row, with_holders=False) for row in _fetchable().order_by("last_used", "id")]


def unreferenced(*, before: float) -> list[StoredRecord]:
    """Bytes that no file has, and that came before this moment (seconds since the epoch).

    So did those that seem to come in days: the clock ran ahead.
    """
    old = Q(created__lt=datetime.fromtimestamp(before, tz=UTC))
    ahead = Q(created__gt=datetime.fromtimestamp(before + _AHEAD, tz=UTC))
    rows = _unreferenced().filter(old | ahead).order_by("id")
    return [_stored(row, with_holders=False) for row in rows]


def evict(blob_id: int, *, remove: Remove) -> bool:
    """Forget and remove bytes if they can still be fetched again; whether they went."""
    return _remove(_fetchable(), blob_id, remove)


def remove_unreferenced(blob_id: int, *, remove: Remove) -> bool:
    """Forget and remove bytes if still no file has them; whether they went."""
    return _remove(_unreferenced(), blob_id, remove)


def remove_orphan(name: str, *, sha256: str, remove: Remove, damaged: bool = False) -> bool:
    """Remove a stored file if still no row has it; whether it went. No backup waits for a damaged one."""
    with transaction.atomic():
        if not damaged and holds.held():
            return False
        # For as long as this row is there, nobody else can register these bytes.
        row, made = Blob.objects.select_for_update().get_or_create(
            sha256=sha256, defaults={"size": 0, "name": name}
        )
        if not made and row.name == name:
            return False
        if made:
            row.delete()
        remove(name)
    return True


def _remove(rows: QuerySet[Blob], blob_id: int, remove: Remove) -> bool:
    with transaction.atomic():
        if holds.held():
            return False
        # Locked first and judged then: somebody who was about to give it to a file has done so by now.
        if Blob.objects.select_for_update().filter(id=blob_id).first() is None:
            return False
        row = rows.filter(id=blob_id).first()
        if row is None:
            return False
        name = row.name
        forget(row)
        remove(name)
    return True


def _holders() -> QuerySet[File]:
    return File.objects.filter(blob=OuterRef("id"))


def _unreferenced() -> QuerySet[Blob]:
    return Blob.objects.filter(~Exists(_holders()))


def _mirrored() -> QuerySet[Blob]:
    others = _holders().exclude(project__kind=Project.Kind.MIRRORED)
    return Blob.objects.filter(Exists(_holders()), ~Exists(others))


def _fetchable() -> QuerySet[Blob]:
    stays = Q(upstream=None) | Q(repository__miss=Repository.Miss.REFUSE)
    return _mirrored().filter(~Exists(_holders().filter(stays)))


def _batches(values: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(values)
    while some := list(islice(rest, _BATCH)):
        yield some


def _stored(row: Blob, *, with_holders: bool = True) -> StoredRecord:
    files = row.files.select_related("project", "repository").order_by("id") if with_holders else ()
    holders = tuple(_holder(one) for one in files)
    return StoredRecord(id=row.id, sha256=row.sha256, size=row.size, name=row.name, holders=holders)


def _holder(row: File) -> HolderRecord:
    return HolderRecord(
        file_id=row.id,
        repository=row.repository.slug,
        filename=row.filename,
        kind=row.project.kind,
        upstream_id=row.upstream_id,
    )
