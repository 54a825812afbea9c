"""A trip to the upstreams for one project: ask in order, read what they say, write it down."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from localshop.catalog import alarms, files, projects
from localshop.catalog.projects import Finding
from localshop.catalog.records import Bad, ProjectRecord, RepositoryRecord, UpstreamPageRecord
from localshop.errors import UpstreamDenied, UpstreamError, UpstreamNonsense, UpstreamUnavailable
from localshop.observe.log import event, get_logger
from localshop.policies.judge import Judge
from localshop.protocol.document import Document, pack, with_first_seen
from localshop.protocol.filenames import parse
from localshop.protocol.readers import read
from localshop.shelf.hearing import remember_idle
from localshop.shelf.known import known_project
from localshop.shelf.parts import Answer, judge_of, known_document, remember_answer
from localshop.shop import Shop
from localshop.upstream.answers import PageAnswer
from localshop.upstream.source import Source

from .turned import Turn, turned_bad
from .unlisted import is_unlisted

ABSENT_FOR = 60.0
"""Seconds, at most, for which a name is not asked for again that no upstream has."""
TRY_AGAIN_AFTER = 10.0
"""Seconds for which a page is served stale before an upstream that failed is asked again."""
LONGEST_REST = 300.0
"""Seconds, at most, for which one is not asked again because it wants to be left alone."""
_SMALL = 64 << 10
"""Bytes of a page, without compression, that are read in two milliseconds or so."""

log = get_logger(__name__)


@dataclass(slots=True)
class _Trip:
    """What was found so far. ``document``: of the upstream that answers for the project.

    ``began``: when the first was asked, in seconds since the epoch.
    """

    began: float
    findings: list[Finding] = field(default_factory=list)
    document: Document | None = None
    turns: list[Turn] = field(default_factory=list)
    failure: UpstreamError | None = None


async def refresh(
    shop: Shop, repository: RepositoryRecord, name: str, *, forced: bool = False
) -> ProjectRecord | None:
    """Ask the upstreams for a project, one trip at a time; None: none of them has it.

    Raises the upstream's error when it fails and nothing is known of the project; when something
    is, that stays good. ``forced`` asks also while what is known is fresh, and does not take the word
    of a trip that was under way: it may have asked before the caller's news were there.
    """
    ours = False
    asked_at = shop.now()
    if shop.steady() < (shop.absent.get(("rest", repository.id, name)) or 0):
        raise UpstreamUnavailable(f"The upstream of {name} wants to be left alone for a while.")

    async def trip() -> ProjectRecord | None:
        nonlocal ours
        ours = True
        token = await shop.reads.token(repository.id, name)
        project = await known_project(shop, repository, name, token=token)
        if project is not None and _is_fresh(shop, repository, project, asked_at, forced=forced):
            # Another process was there while we waited for our turn.
            return project
        known = await shop.run(projects.upstream_pages, project.id) if project is not None else {}
        told = await _ask_in_order(shop, repository, name, known)
        return await _write_down(shop, repository, name, project, told)

    found = await shop.flights.once(f"page {repository.id} {name}", trip)
    return found if ours or not forced else await shop.flights.once(f"page {repository.id} {name}", trip)


def _is_fresh(
    shop: Shop, repository: RepositoryRecord, project: ProjectRecord, asked_at: float, *, forced: bool
) -> bool:
    if forced:
        return asked_at + repository.fresh <= project.fresh_until <= _furthest(shop, repository)
    return is_fresh(shop, repository, project.fresh_until)


def is_fresh(shop: Shop, repository: RepositoryRecord, fresh_until: float) -> bool:
    """Whether a page need not be asked for again.

    A time that lies further ahead than we ever set it is of a clock that has been set back since.
    """
    return shop.now() < fresh_until <= _furthest(shop, repository)


def _furthest(shop: Shop, repository: RepositoryRecord) -> float:
    return shop.now() + max(repository.fresh, LONGEST_REST)


async def _ask_in_order(
    shop: Shop, repository: RepositoryRecord, name: str, known: dict[int, UpstreamPageRecord]
) -> _Trip:
    trip = _Trip(shop.now())
    for source in repository.upstreams:
        last = known.get(source.id)
        try:
            answer = await _ask(shop, source, name, last)
            _check_serial(answer, last)
            taking_in = partial(_take_in, source, answer, name, last=last, now=_latest(shop, answer))
            # A large page takes too long for the loop; a small one less than a thread would take from it.
            small = len(answer.body) <= _SMALL
            document, found = taking_in() if small else await shop.run(taking_in)
        except UpstreamError as error:
            trip.failure = error
            trip.findings.append(Finding(source.id, None, error=error.sentence))
            if last is None:
                # It may have the project: a later upstream must not answer in its place.
                break
            document = known_document(last)
        else:
            trip.findings.append(Finding(source.id, found, filenames=_filenames(document)))
            before = known_document(last) if last is not None and found is not None else None
            if before is not None:
                trip.turns.append(Turn(source.id, before, document))
        if document is not None:
            trip.document = document
            break
    return trip


def _filenames(document: Document | None) -> frozenset[str]:
    return frozenset(entry.filename for entry in document.files) if document is not None else frozenset()


async def _ask(shop: Shop, source: Source, name: str, last: UpstreamPageRecord | None) -> PageAnswer:
    if last is None or known_document(last) is None:
        try:
            return await shop.upstream.page(source, name)
        except UpstreamDenied as error:
            if not await is_unlisted(shop, source, name, error):
                raise
            return PageAnswer(state="absent")
    if last.changed > shop.now():
        # Written while our clock ran ahead, and with it when we first saw its files: it is read anew.
        return await shop.upstream.page(source, name)
    return await shop.upstream.page(source, name, etag=last.etag, last_modified=last.last_modified)


def _latest(shop: Shop, answer: PageAnswer) -> float:
    """Now, by our clock or the upstream's, whichever is later.

    If ours has fallen back, which it does when a machine starts without knowing the time, files seen now
    would else look as if they had been seen years ago, and no cooldown would hold them.
    """
    return max(shop.now(), answer.date.timestamp()) if answer.date is not None else shop.now()


def _check_serial(answer: PageAnswer, last: UpstreamPageRecord | None) -> None:
    """A page that is older than the one we have comes from a node that was left behind."""
    if last is None or last.serial is None or answer.serial is None or answer.serial >= last.serial:
        return
    raise UpstreamNonsense(
        f"{answer.url} has the serial {answer.serial}, which is older than the {last.serial} seen before."
    )


def _take_in(
    source: Source, answer: PageAnswer, name: str, *, last: UpstreamPageRecord | None, now: float
) -> tuple[Document | None, UpstreamPageRecord | None]:
    """The document that an answer means, and what is to be kept of it.

    No document: the upstream does not have the project; nothing to keep: it says what it said before.
    """
    if answer.state == "unchanged":
        return (known_document(last) if last is not None else None), None
    document = _read(answer, name) if answer.state == "found" else None
    if document is not None:
        before = known_document(last) if last is not None else None
        document = with_first_seen(
            document, before, changed=last.changed if last is not None else now, now=now
        )
    packed = pack(document) if document is not None else b""
    return document, UpstreamPageRecord(
        upstream_id=source.id,
        document=packed,
        digest=hashlib.sha256(packed).hexdigest(),
        etag=answer.etag,
        last_modified=answer.last_modified,
        serial=answer.serial,
        error="",
    )


def _read(answer: PageAnswer, name: str) -> Document:
    document = read(answer.body, content_type=answer.content_type, url=answer.url, project=name)
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
            if trip.failure.retry_after is not None:
                rest = min(trip.failure.retry_after, LONGEST_REST)
                shop.absent.put(("rest", repository.id, name), shop.steady() + rest)
            raise trip.failure
    elif project is None and trip.document is None:
        # No row for a name that nobody has: a flood of such names must not fill the database.
        shop.absent.put((repository.id, name), shop.steady() + min(ABSENT_FOR, repository.fresh))
        return None
    if project is not None and any(finding.page is not None for finding in trip.findings):
        await _compare_digests(shop, repository, project, trip.document)
    listed = trip.document is not None or await _anything_stored(shop, project, trip)
    save = partial(
        projects.save_findings,
        repository.id,
        name,
        findings=trip.findings,
        now=now,
        # A page is as old as the question for it, however slowly it came.
        fresh_until=(trip.began if trip.failure is None else now) + _good_for(repository, trip.failure),
        listed=listed,
        status=trip.document.status if trip.document is not None else "active",
        status_reason=trip.document.status_reason if trip.document is not None else "",
        bad=await shop.run(_bad, repository, project, trip.turns) if project is not None else (),
    )
    if project is not None or trip.document is None:
        return await shop.write(save)
    saved, judge = await shop.write(_with_judge, repository, save)
    # The page is made of that now, and the next who comes wants one of its files.
    remember_answer(shop, repository, saved, Answer(trip.findings[-1].upstream_id, trip.document, now))
    remember_idle(shop, repository, saved, judge)
    shop.records.put(saved.id, saved, state=saved.serial)
    return saved


def _with_judge(
    repository: RepositoryRecord, save: Callable[[], ProjectRecord]
) -> tuple[ProjectRecord, Judge]:
    saved = save()
    return saved, judge_of(repository, saved)


def _bad(repository: RepositoryRecord, project: ProjectRecord, turns: Sequence[Turn]) -> list[Bad]:
    """What turned bad of files that somebody here has had."""
    if not turns or project.kind == "private":
        return []
    wanted = {row.filename: row.upstream_id for row in files.every_row(project.id)}
    return [one for turn in turns for one in turned_bad(repository.slug, project.name, turn, wanted=wanted)]


async def _compare_digests(
    shop: Shop, repository: RepositoryRecord, project: ProjectRecord, document: Document | None
) -> None:
    """Tell when a file was swapped upstream. Here the bytes that were seen first stay."""
    entries = document.files if document is not None else ()
    announced = {entry.filename: entry.sha256 for entry in entries if entry.sha256}
    for filename, stays, other in await shop.run(files.compare, project.id, announced):
        event(
            log,
            logging.ERROR,
            "digest-changed",
            f"{filename} is announced with another digest than before; what is stored here stays.",
            project=project.name,
            stored=stays,
            announced=other,
        )
        parsed = parse(filename, project.name)
        bad = Bad(
            repository.slug,
            project.name,
            parsed.version if parsed is not None else "",
            cause="swapped",
            source=filename,
            sentence=f"The upstream announces other bytes for {filename} than are stored here; those stay.",
        )
        await shop.run(alarms.raise_alarms, [bad], now=shop.now(), again=True)


def _good_for(repository: RepositoryRecord, failure: UpstreamError | None) -> float:
    """Seconds until the upstreams are asked again."""
    if failure is None:
        return repository.fresh
    return max(TRY_AGAIN_AFTER, min(failure.retry_after or 0.0, LONGEST_REST))


async def _anything_stored(shop: Shop, project: ProjectRecord | None, trip: _Trip) -> bool:
    """Whether files remain here of a project that no upstream has any more."""
    if project is None:
        return False
    if trip.failure is not None:
        return True
    return any(file.blob is not None for file in await shop.run(files.files_of, project.id))
