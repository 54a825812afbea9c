"""The METADATA of a wheel: always served from here, whether the wheel is here or not."""

from __future__ import annotations

import hashlib
import logging

from localshop.catalog import files
from localshop.catalog.reads import MetadataRow
from localshop.catalog.records import RepositoryRecord
from localshop.errors import UpstreamError, UpstreamNonsense, UpstreamUnavailable
from localshop.observe.log import event, get_logger
from localshop.protocol.wheels import LARGEST_METADATA, NotReadable, metadata_ranges
from localshop.shelf.hearing import heard
from localshop.shop import Shop

from .fetch import bring_home
from .file import Withheld, verdict_on, want, withheld
from .inside import keep_metadata
from .locate import Located, locate
from .names import is_ours
from .patience import deadline, in_time

_MOST_AT_ONCE = LARGEST_METADATA + (1 << 20)

log = get_logger(__name__)


async def metadata(
    shop: Shop,
    repository: RepositoryRecord,
    path: str,
    filename: str,
    *,
    row: MetadataRow,
    whole: bool = True,
) -> MetadataRow | Withheld | None:
    """The METADATA of the wheel of a URL; None: there is no such wheel.

    It comes from the wheel if that is here, else from the upstream, or is read out of the wheel
    there by ranges; then it is kept. Raises the upstream's error when it cannot be had now: never
    a "not found", at which clients give up. ``whole``: where there is no other way, the wheel itself
    is brought home for it.
    """
    if not filename.endswith(".whl"):
        return None
    if not row.sha256:
        async with in_time(f"The metadata of {filename}", until=deadline()):
            found = await _look_for(shop, repository, path, filename, whole=whole)
        if found is None or isinstance(found, Withheld):
            return found
        row = found
    elif row.kind != "private" and is_ours(repository, row.project, kind=row.kind):
        return None
    project = await heard(shop, repository, row.project, project_id=row.project_id, serial=row.serial)
    verdict = project.verdict_at(path, filename, shop.now()) if project is not None else None
    return row if verdict is None else withheld(verdict)


async def _look_for(
    shop: Shop, repository: RepositoryRecord, path: str, filename: str, *, whole: bool
) -> MetadataRow | Withheld | None:
    row = await shop.reads.file(repository.id, path, filename)
    stored = await shop.run(files.file_at, repository.id, path, filename) if row.id else None
    if stored is not None and stored.state == "deleted":
        return None
    if stored is not None and stored.blob is not None:
        if stored.kind != "private" and is_ours(repository, stored.project, kind=stored.kind):
            return None
        await shop.run(keep_metadata, shop, stored, stored.blob)
    else:
        located = await locate(shop, repository, path, filename, row=row)
        if located is None:
            return None
        verdict = await verdict_on(shop, repository, located)
        if verdict is not None:
            return withheld(verdict)
        if shop.config.offline:
            return Withheld(
                "not-mirrored", f"The metadata of {filename} is not here, and localshop is offline."
            )
        await shop.flights.once(
            f"metadata {repository.id} {path} {filename} {whole}",
            lambda: fetch_metadata(shop, repository, located, whole=whole),
        )
    held = await shop.reads.metadata(repository.id, path, filename)
    if not held.sha256:
        raise UpstreamNonsense(f"The metadata of {filename} cannot be read out of the wheel.")
    return held


async def fetch_metadata(shop: Shop, repository: RepositoryRecord, located: Located, *, whole: bool) -> None:
    """Get the METADATA from the upstream in the cheapest way that works, and keep it."""
    entry = located.entry
    held = await shop.reads.metadata(repository.id, entry.path, entry.filename)
    if held.sha256:
        return
    body = await _beside_the_wheel(shop, located)
    if body is None:
        try:
            body = await _out_of_the_wheel(shop, located)
        except UpstreamNonsense:
            if not whole:
                raise
            # No ranges there: the wheel comes home, and brings its METADATA along.
            wanted = await shop.write(want, located)
            if wanted is not None:
                await bring_home(shop, located.source, wanted).whole()
            return
        except NotReadable as error:
            raise UpstreamNonsense(error.sentence) from error
    digest = hashlib.sha256(body).hexdigest()
    await shop.write(
        files.save_metadata,
        located.project.id,
        path=entry.path,
        filename=entry.filename,
        sha256=digest,
        body=body,
        surprising=isinstance(entry.core_metadata, str) and entry.core_metadata != digest,
    )


async def _beside_the_wheel(shop: Shop, located: Located) -> bytes | None:
    """The upstream's ``.metadata`` (PEP 658), also where it does not announce one, if it can be believed."""
    entry = located.entry
    try:
        answer = await shop.upstream.small(located.source, f"{entry.url}.metadata", limit=LARGEST_METADATA)
    except UpstreamUnavailable:
        if entry.core_metadata:
            # It is announced, so it will be there again soon.
            raise
        return None
    except UpstreamError:
        return None
    if answer.status == 404:
        return None
    digest = hashlib.sha256(answer.body).hexdigest()
    if isinstance(entry.core_metadata, str) and entry.core_metadata != digest:
        event(
            log,
            logging.WARNING,
            "metadata-mismatch",
            f"The .metadata of {entry.filename} is not what its page announced; the wheel is asked instead.",
            project=located.project.name,
        )
        return None
    return answer.body if answer.body.startswith((b"Metadata-Version", b"metadata-version")) else None


async def _out_of_the_wheel(shop: Shop, located: Located) -> bytes:
    entry, source = located.entry, located.source
    size = entry.size
    if size is None:
        first = await shop.upstream.small(source, entry.url, limit=_MOST_AT_ONCE, start=0, stop=1)
        if first.total is None or first.status == 404:
            raise UpstreamUnavailable(f"The upstream does not give {entry.filename}, nor its size.")
        size = first.total
    reading = metadata_ranges(entry.filename, size)
    start, stop = next(reading)
    while True:
        answer = await shop.upstream.small(source, entry.url, limit=_MOST_AT_ONCE, start=start, stop=stop)
        if answer.status == 404:
            raise UpstreamUnavailable(f"The upstream lists {entry.filename}, but does not have it.")
        body = answer.body[start:stop] if answer.status == 200 else answer.body
        try:
            start, stop = reading.send(body)
        except StopIteration as read:
            found: bytes = read.value
            return found
