"""Has everything here before anybody asks for it: chooses files, fetches those that are missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from localshop.catalog import files
from localshop.catalog.records import BlobRecord, FileRecord, RepositoryRecord
from localshop.errors import BadInput, UpstreamError, UpstreamGone, UpstreamRefused
from localshop.shop import Shop

from .download import Download
from .fetch import bring_home
from .file import want
from .locate import Located
from .prefetch_plan import each, make_plan
from .prefetch_records import Chosen, Missing, Wishes


@dataclass(slots=True)
class Progress:
    """How far it is, for somebody who looks on; ``size`` in bytes, None: not all pages announce theirs."""

    projects: int = 0
    files: int = 0
    size: int | None = 0
    fetched: int = 0
    _arrived: int = 0
    _under_way: list[Download] = field(default_factory=list)

    @property
    def arrived(self) -> int:
        """Bytes that have come so far."""
        return self._arrived + sum(map(_so_far, self._under_way))

    def begins(self, download: Download) -> None:
        """A file is being fetched now."""
        self._under_way.append(download)

    def ends(self, download: Download, blob: BlobRecord | None) -> None:
        """It is here, or will not come."""
        self._under_way.remove(download)
        if blob is not None:
            self.fetched += 1
            self._arrived += blob.size


def _so_far(download: Download) -> int:
    try:
        return download.part.stat().st_size
    except FileNotFoundError:
        return 0


@dataclass(slots=True)
class Prefetched:
    """What came of it. ``to_fetch``: what would be fetched if this were not a dry run."""

    here: list[Chosen] = field(default_factory=list)
    fetched: list[BlobRecord] = field(default_factory=list)
    to_fetch: list[Chosen] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


async def prefetch(
    shop: Shop, repository: RepositoryRecord, wishes: Wishes, *, dry_run: bool, progress: Progress
) -> Prefetched:
    """Have all that is wished for here; what cannot be had is named in what is returned.

    The repository's miss mode does not matter: it says what clients get. A dry run fetches pages
    and metadata, but no file; offline it asks nobody, and tells what is not here. Raises BadInput
    when offline, and the errors of the storage, which meet one file as another.
    """
    if shop.config.offline and not dry_run:
        raise BadInput(
            "localshop is offline (LOCALSHOP_OFFLINE): only --dry-run can be done, which fetches nothing."
        )

    def looked_at(projects: int) -> None:
        progress.projects = projects

    plan = await make_plan(shop, repository, wishes, told=looked_at)
    result = Prefetched(missing=list(plan.missing.values()), remarks=plan.remarks)
    absent: list[Chosen] = []
    for chosen in plan.files.values():
        (result.here if await shop.run(_is_here, shop, chosen, dry_run=dry_run) else absent).append(chosen)
    progress.files = len(absent)
    progress.size = total_size(absent)
    if dry_run:
        result.to_fetch = absent
    else:
        await _fetch_all(shop, absent, result, progress)
    return result


def total_size(chosen: Iterable[Chosen]) -> int | None:
    """Bytes of files together; None: not all pages announce theirs."""
    sizes = [one.entry.size for one in chosen]
    return None if None in sizes else sum(one or 0 for one in sizes)


def _is_here(shop: Shop, chosen: Chosen, *, dry_run: bool) -> bool:
    blob = chosen.blob
    if blob is None and chosen.entry.sha256 is not None:
        blob = files.blob_of(chosen.entry.sha256)
    if blob is None or shop.store.size(blob.name) != blob.size:
        return False
    if chosen.blob is None and not dry_run:
        # Another repository has these very bytes; from now on this one has them, too.
        _want(chosen)
    return True


async def _fetch_all(shop: Shop, absent: list[Chosen], result: Prefetched, progress: Progress) -> None:
    async def fetch(chosen: Chosen) -> None:
        filename = chosen.entry.filename
        try:
            blob = await _fetch(shop, chosen, progress)
        except UpstreamError as error:
            result.missing.append(Missing(filename, error.slug, error.sentence))
            return
        if blob is None:
            sentence = f"{chosen.stock.name} has just become a private project."
            result.missing.append(Missing(filename, "private-name", sentence))
        elif chosen.sha256 and blob.sha256 not in chosen.sha256:
            # Its page announces no sha256, so this is the first moment at which it is known.
            sentence = f"It has the sha256 {blob.sha256}, which is not the one that was asked for."
            result.missing.append(Missing(filename, "digest-mismatch", sentence))
        else:
            result.fetched.append(blob)

    await each(absent, fetch)


async def _fetch(shop: Shop, chosen: Chosen, progress: Progress) -> BlobRecord | None:
    """The walk of every file that comes home; None: its project has just become a private one."""
    source = chosen.stock.source
    if source is None:
        raise UpstreamGone("Its bytes are gone from the storage, and no upstream has it any more.")
    wanted = await shop.run(_want, chosen)
    if wanted is None:
        return None
    if wanted.state == "deleted":
        raise UpstreamRefused("It was deleted here, so it is not fetched again.")
    download = bring_home(shop, source, wanted)
    progress.begins(download)
    blob = None
    try:
        blob = await download.whole()
    finally:
        progress.ends(download, blob)
    return blob


def _want(chosen: Chosen) -> FileRecord | None:
    stock = chosen.stock
    assert stock.project is not None
    assert stock.source is not None
    return want(Located(stock.project, stock.source, chosen.entry))
