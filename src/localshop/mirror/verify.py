"""Checks every stored file against its digest, and repairs what can be repaired.

Bytes rot, disks are tidied by people, backups are restored in part. What came from an upstream is
fetched again, and must have the digest that was seen first; what is private is nowhere else, so it
is moved aside for people to look at, never deleted, and never served.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from localshop.catalog import blobs, files
from localshop.catalog.records import BlobRecord, HolderRecord, StoredRecord
from localshop.errors import LocalshopError, StorageError
from localshop.shop import Shop

from .checkpoint import Checkpoint, Finding
from .fetch import bring_home
from .file import enqueue_fetch
from .sweep import GRACE, orphans
from .wanted import still_wanted

_READ = 1 << 20
_ROWS = 100
_SAVE_EVERY = 1.0
_NOWHERE_ELSE = "It is private: only a backup can bring it back."


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: files and bytes read, of so many, and how many findings there are."""

    checked: int
    of: int
    size: int
    of_size: int
    findings: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. ``orphans`` are names of stored files in no table; None: they cannot be listed."""

    checked: int
    size: int
    findings: tuple[Finding, ...]
    orphans: tuple[str, ...] | None

    @property
    def well(self) -> bool:
        """Whether every file of every project is whole, maybe because it was repaired."""
        return all(finding.outcome == "repaired" for finding in self.findings)


@dataclass(slots=True)
class Pace:
    """Keeps the reading below so many bytes a second; None: as quick as it goes."""

    rate: float | None
    _read: int = 0
    _since: float = field(default_factory=time.monotonic)

    async def took(self, size: int) -> None:
        """Wait until these bytes, too, were not too many."""
        if self.rate is None:
            return
        self._read += size
        ahead = self._read / self.rate - (time.monotonic() - self._since)
        if ahead > 0:
            await asyncio.sleep(ahead)


async def verify(
    shop: Shop,
    state: Checkpoint,
    *,
    repair: bool,
    pace: Pace,
    tell: Callable[[Progress], None],
) -> Report:
    """Read every stored file, from where ``state`` says on; ``tell`` is called after each one.

    Raises ``StorageError`` when the storage as a whole is not what it should be.
    """
    if repair:
        await _check_storage(shop)
        await _repair_earlier_findings(shop, state, pace)
    # What arrives meanwhile was checked when it came, and so is what is fetched again.
    state.until = state.until or await shop.run(blobs.newest)
    count, size = await shop.run(blobs.amount_between, state.after, state.until)
    count, size = count + state.checked, size + state.size
    saved = time.monotonic()
    while batch := await shop.run(blobs.some_between, state.after, state.until, limit=_ROWS):
        for stored in batch:
            finding = await _check(shop, stored, repair=repair, pace=pace)
            state.findings += [finding] if finding is not None else []
            state.after = stored.id
            state.checked += 1
            state.size += stored.size
            if finding is not None or time.monotonic() > saved + _SAVE_EVERY:
                state.save()
                saved = time.monotonic()
            tell(Progress(state.checked, count, state.size, size, len(state.findings)))
    told = {finding.sha256 for finding in state.findings}
    for sha256, holder in await shop.run(blobs.lost):
        if sha256 not in told:
            state.findings.append(await _check_lost(shop, sha256, holder, repair=repair, pace=pace))
    return Report(state.checked, state.size, tuple(state.findings), await shop.run(_orphans, shop))


async def _check_storage(shop: Shop) -> None:
    """Repairing would forget every file of a disk that is not mounted."""

    def is_empty() -> bool:
        return blobs.newest() > 0 and next(shop.store.names(), None) is None

    if await shop.run(is_empty):
        raise StorageError(
            "The storage is empty, though there should be files in it: is it mounted? If they are really "
            "gone, nothing need be repaired; mirrored ones are fetched again when they are asked for."
        )


async def _repair_earlier_findings(shop: Shop, state: Checkpoint, pace: Pace) -> None:
    """Findings of a run that was cut, and that did not repair or could not."""
    for place, finding in enumerate(state.findings):
        stored = await shop.run(blobs.stored, finding.blob)
        if stored is not None:
            again = await _check(shop, stored, repair=True, pace=pace)
            state.findings[place] = again or replace(finding, outcome="repaired")
            state.save()


async def _check(shop: Shop, stored: StoredRecord, *, repair: bool, pace: Pace) -> Finding | None:
    what = await _examine(shop, stored, pace)
    if what is None or await shop.run(blobs.stored, stored.id) is None:
        # It is as it should be; or it has made room meanwhile.
        return None
    what = await _examine(shop, stored, pace)
    if what is None:
        # Another process has put the right bytes there while we read the wrong ones.
        return None
    finding = Finding(
        sha256=stored.sha256,
        what=what,
        outcome="found",
        files=tuple(_shown(holder) for holder in stored.holders),
        sentence=f"The stored file {stored.name} is {what}.",
        blob=stored.id,
    )
    return await _repair(shop, stored, finding) if repair else finding


async def _examine(shop: Shop, stored: StoredRecord, pace: Pace) -> str | None:
    """What is wrong with stored bytes; None: nothing."""
    try:
        right = await _has_digest(shop, stored.name, stored.sha256, pace)
    except FileNotFoundError:
        return "missing"
    except (StorageError, OSError):
        # A sector of our own disk that cannot be read has lost its bytes. A storage elsewhere that
        # does not answer has not.
        return "unreadable" if shop.store.local_path(stored.name) is None else "damaged"
    return None if right else "damaged"


async def _has_digest(shop: Shop, name: str, sha256: str, pace: Pace) -> bool:
    digest = hashlib.sha256()
    file = await shop.run(shop.store.open, name)
    try:
        while size := await shop.run(_read_some, file, digest):
            await pace.took(size)
    finally:
        file.close()
    return digest.hexdigest() == sha256


def _read_some(file: BinaryIO, digest: Any) -> int:
    data = file.read(_READ)
    digest.update(data)
    return len(data)


async def _repair(shop: Shop, stored: StoredRecord, finding: Finding) -> Finding:
    if finding.what == "unreadable":
        return replace(finding, outcome="not-repaired")
    mirrored = [holder for holder in stored.holders if holder.kind == "mirrored"]
    alone = len(mirrored) == len(stored.holders) > 0
    sentence = finding.sentence
    if finding.what == "damaged" and not alone:
        # It may be the last copy of something private, and most of it may still be good.
        try:
            aside = await shop.run(shop.store.set_aside, stored.name, sha256=stored.sha256)
        except StorageError as error:
            return replace(finding, outcome="not-repaired", sentence=error.sentence)
        sentence += f" It was moved to {aside}."
    if finding.what == "damaged" or alone or not stored.holders:
        await shop.run(files.blob_vanished, stored.sha256)
    if finding.what == "damaged" and alone:
        await shop.run(_remove_bytes, shop, stored)
    if not stored.holders:
        return replace(finding, outcome="repaired", sentence=f"{sentence} No file has it any more.")
    why = await _fetch_again(shop, mirrored) if mirrored else _NOWHERE_ELSE
    if why is None:
        sentence = f"{sentence} It was fetched again."
        return replace(finding, outcome="repaired", sentence=sentence)
    kept = finding.what == "damaged" and not alone
    outcome = "quarantined" if kept else "not-repaired"
    return replace(finding, outcome=outcome, sentence=f"{sentence} {why}")


def _remove_bytes(shop: Shop, stored: StoredRecord) -> None:
    # A storage elsewhere keeps what it has, as long as the size is right.
    blobs.remove_orphan(stored.name, sha256=stored.sha256, remove=shop.store.delete, damaged=True)


async def _fetch_again(shop: Shop, mirrored: list[HolderRecord]) -> str | None:
    """Bring bytes home for one of these files, and give them to all; why not, if it cannot be done."""
    if shop.config.offline:
        return "It cannot be fetched again, because localshop is offline."
    why = "No upstream has it any more that could be asked."
    for holder in mirrored:
        wanted = await shop.run(still_wanted, holder.file_id, now=shop.now())
        if wanted is None:
            continue
        source, file = wanted
        try:
            blob = await bring_home(shop, source, file).whole()
        except LocalshopError as error:
            why = f"It could not be fetched again: {error.sentence}"
            await shop.run(enqueue_fetch, file, now=shop.now())
        else:
            await shop.run(_give_to_all, blob)
            return None
    return why


def _give_to_all(blob: BlobRecord) -> None:
    blobs.found_again(sha256=blob.sha256, size=blob.size, name=blob.name)


async def _check_lost(shop: Shop, sha256: str, holder: HolderRecord, *, repair: bool, pace: Pace) -> Finding:
    """A private file without bytes; it is repaired if somebody has put them back into their place."""
    name = shop.store.name_for(sha256)
    finding = Finding(
        sha256=sha256,
        what="missing",
        outcome="not-repaired" if repair else "found",
        files=(_shown(holder),),
        sentence=f"The stored file {name} is missing. {_NOWHERE_ELSE}",
        blob=0,
    )
    size = await shop.run(shop.store.size, name)
    if size is None or not await _has_digest(shop, name, sha256, pace):
        return finding
    if repair:
        await shop.run(blobs.found_again, sha256=sha256, size=size, name=name)
        finding = replace(finding, outcome="repaired")
    return replace(finding, sentence=f"The stored file {name} was missing, and is back.")


def _orphans(shop: Shop) -> tuple[str, ...] | None:
    try:
        return tuple(orphans(shop.store, before=shop.now() - GRACE))
    except StorageError:
        # Django lets a storage do without a way to list what is in it.
        return None


def _shown(holder: HolderRecord) -> str:
    return f"{holder.repository}: {holder.filename}"
