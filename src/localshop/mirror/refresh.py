"""A trip to the upstreams for one project: ask in order, read what they say, write it down."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field

from localshop.catalog import files, projects
from localshop.catalog.projects import Finding
from localshop.catalog.records import ProjectRecord, RepositoryRecord, UpstreamPageRecord
from localshop.errors import UpstreamError
from localshop.observe.log import event, get_logger
from localshop.protocol.document import Document, pack
from localshop.protocol.readers import read
from localshop.shelf.shelf import known_document
from localshop.shop import Shop
from localshop.upstream.answers import PageAnswer
from localshop.upstream.source import Source

ABSENT_FOR = 60.0
"""Seconds, at most, for which a name is not asked for again that no upstream has."""
TRY_AGAIN_AFTER = 10.0
"""Seconds for which a page is served stale before an upstream that failed is asked again."""

log = get_logger(__name__)


@dataclass(slots=True)
class _Trip:
    """What was found so far. ``document``: of the upstream that answers for the project."""

    findings: list[Finding] = field(default_factory=list)
    document: Document | None = None
    failure: UpstreamError | None = None


async def refresh(
    shop: Shop, repository: RepositoryRecord, name: str, *, forced: bool = False
) -> ProjectRecord | None:
    """Ask the upstreams for a project, one trip at a time; None: none of them has it.

    Raises the upstream's error when it fails and nothing is known of the project; when something
    is, that stays good. ``forced`` asks also while what is known is fresh.
    """
    asked_at = shop.now()

    async def trip() -> ProjectRecord | None:
        project = await shop.run(projects.project, repository.id, name)
        if project is not None and _is_fresh(shop, repository, project, asked_at, forced=forced):
            # Another process was there while we waited for our turn.
            return project
        known = await shop.run(projects.upstream_pages, project.id) if project is not None else {}
        found = await _ask_in_order(shop, repository, name, known)
        return await _write_down(shop, repository, name, project, found)

    return await shop.flights.once(f"page {repository.id} {name}", trip)


def _is_fresh(
    shop: Shop, repository: RepositoryRecord, project: ProjectRecord, asked_at: float, *, forced: bool
) -> bool:
    if forced:
        return project.fresh_until >= asked_at + repository.fresh
    return shop.now() < project.fresh_until


async def _ask_in_order(
    shop: Shop, repository: RepositoryRecord, name: str, known: dict[int, UpstreamPageRecord]
) -> _Trip:
    trip = _Trip()
    for source in repository.upstreams:
        last = known.get(source.id)
        try:
            answer = await _ask(shop, source, name, last)
            document = await _read(shop, answer, name, last)
        except UpstreamError as error:
            trip.failure = error
            trip.findings.append(Finding(source.id, None, error=error.sentence))
            if last is None:
                # It may have the project: a later upstream must not answer in its place.
                break
            document = known_document(last)
        else:
            trip.findings.append(Finding(source.id, _record(source, answer, document)))
        if document is not None:
            trip.document = document
            break
    return trip


async def _ask(shop: Shop, source: Source, name: str, last: UpstreamPageRecord | None) -> PageAnswer:
    if last is None or known_document(last) is None:
        return await shop.upstream.page(source, name)
    return await shop.upstream.page(source, name, etag=last.etag, last_modified=last.last_modified)


async def _read(
    shop: Shop, answer: PageAnswer, name: str, last: UpstreamPageRecord | None
) -> Document | None:
    """The document that an answer means; None: the upstream does not have the project."""
    if answer.state == "absent":
        return None
    if answer.state == "unchanged":
        return known_document(last) if last is not None else None
    document = await shop.run(
        read, answer.body, content_type=answer.content_type, url=answer.url, project=name
    )
    if document.dropped:
        event(
            log,
            logging.INFO,
            "entries-dropped",
            f"{document.dropped} entries of an upstream's page could not be believed.",
            project=name,
            url=answer.url,
        )
    return document


def _record(source: Source, answer: PageAnswer, document: Document | None) -> UpstreamPageRecord | None:
    if answer.state == "unchanged":
        return None
    packed = pack(document) if document is not None else b""
    return UpstreamPageRecord(
        upstream_id=source.id,
        document=packed,
        digest=hashlib.sha256(packed).hexdigest(),
        etag=answer.etag,
        last_modified=answer.last_modified,
        serial=answer.serial,
        error="",
    )


async def _write_down(
    shop: Shop, repository: RepositoryRecord, name: str, project: ProjectRecord | None, trip: _Trip
) -> ProjectRecord | None:
    now = shop.now()
    if trip.failure is not None:
        event(
            log,
            logging.WARNING,
            trip.failure.slug,
            trip.failure.sentence,
            project=name,
            repository=repository.slug,
            served="stale" if project is not None else "nothing",
        )
        if project is None and trip.document is None:
            raise trip.failure
    elif project is None and trip.document is None:
        # No row for a name that nobody has: a flood of such names must not fill the database.
        shop.absent.put((repository.id, name), now + min(ABSENT_FOR, repository.fresh))
        return None
    listed = trip.document is not None or await _anything_stored(shop, project, trip)
    return await shop.run(
        projects.save_findings,
        repository.id,
        name,
        findings=trip.findings,
        now=now,
        fresh_until=now + (TRY_AGAIN_AFTER if trip.failure is not None else repository.fresh),
        listed=listed,
        status=trip.document.status if trip.document is not None else "active",
        status_reason=trip.document.status_reason if trip.document is not None else "",
    )


async def _anything_stored(shop: Shop, project: ProjectRecord | None, trip: _Trip) -> bool:
    """Whether files remain here of a project that no upstream has any more."""
    if project is None:
        return False
    if trip.failure is not None:
        return True
    return any(file.blob is not None for file in await shop.run(files.files_of, project.id))
