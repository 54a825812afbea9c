"""Puts a project's page together from what is here and what its upstream says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from localshop.policies.judge import Judge
from localshop.policies.records import FOR_GOOD, Subject
from localshop.protocol.document import Document, Entry, moment_of
from localshop.protocol.filenames import parse
from localshop.protocol.pages import Page, Shown, in_order, versions_of

Place = tuple[str, str]
"""Where a file is found: its path below ``packages/`` and its name."""


@dataclass(frozen=True, slots=True)
class Own:
    """A file that has a row; ``stored``: its bytes are here.

    ``entry`` is what was first said of it, with the digest and size that its bytes have. ``since``: when
    somebody first wanted it, in seconds since the epoch; ``gone``: since when its upstream has it no more.
    """

    entry: Entry
    stored: bool
    since: float | None = None
    gone: float | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """All that a page is made of.

    ``document``: what the upstream that answers for this project says, None for a private project; it says
    so ``since`` then. ``metadata``: SHA-256 of each METADATA that is held; ``licences``: what they say, by
    versions. ``base``: the path of the repository's URL.
    ``provenance``: files whose provenance was verified; it is announced below ``origin``, scheme and
    host of an https URL, and not at all without one.
    """

    name: str
    own: Sequence[Own]
    document: Document | None
    judge: Judge
    base: str = ""
    metadata: Mapping[Place, str] = field(default_factory=dict)
    licences: Mapping[str, str] = field(default_factory=dict)
    since: float | None = None
    offline: bool = False
    provenance: frozenset[Place] = frozenset()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Assembled:
    """A page as it is shown from one time until another, in seconds since the epoch.

    ``good_from`` 0: it always was as it is; ``good_until`` None: no verdict on it ends.
    """

    page: Page
    good_from: float
    good_until: float | None


def assemble(parts: Parts, now: float) -> Assembled:
    """The page as it is shown now: hidden files are left out, of one file name there is one file."""
    judge, case = parts.judge, parts.judge.case
    if judge.lenient:
        # Nothing is hidden, so nobody has to be told of the files.
        shown, turns, good_from = list(_entries(parts)), FOR_GOOD, 0.0
        versions = versions_of((entry.filename for entry in shown), parts.name)
    else:
        judged, turns = _judged(parts, now)
        shown, good_from = [entry for entry, _ in judged], now
        versions = in_order(subject.version for _, subject in judged if subject.version)
    document = parts.document
    page = Page(
        name=parts.name,
        files=tuple([_shown(parts, entry) for entry in shown]),
        versions=versions,
        status=case.status,
        status_reason=case.status_reason,
        extra=document.extra if document is not None else {},
    )
    return Assembled(page, good_from, turns if turns < FOR_GOOD else None)


def _judged(parts: Parts, now: float) -> tuple[list[tuple[Entry, Subject]], float]:
    """The files that are shown now, and when that may become another answer."""
    judge = parts.judge
    shown = []
    turns = judge.turns(now)
    told = list(subjects(parts))
    judge.learn({subject.version for _, subject in told})
    for entry, subject in told:
        until = judge.until(subject, now)
        if until:
            turns = min(turns, until)
        else:
            shown.append((entry, subject))
    return shown, turns


def subjects(parts: Parts) -> Iterable[tuple[Entry, Subject]]:
    """Each file that the page could show, hidden or not, and what the judge is told of it."""
    own = {one.entry.filename: one for one in parts.own if one.stored}
    listed = {entry.place for entry in parts.document.files} if parts.document is not None else set()
    for entry in _entries(parts):
        stored = own.get(entry.filename)
        since = stored.since if stored is not None and entry.place not in listed else parts.since
        yield entry, subject_of(parts, entry, since=since, gone=stored.gone if stored is not None else None)


def subject_of(parts: Parts, entry: Entry, *, since: float | None, gone: float | None = None) -> Subject:
    """What the judge is told of a file, which was here or upstream ``since`` then at the latest."""
    parsed = parse(entry.filename, parts.name)
    version = parsed.version if parsed is not None else ""
    uploaded, seen = moment_of(entry.upload_time), entry.seen
    if seen is None and uploaded is None:
        seen = since
    return Subject(
        filename=entry.filename,
        version=version,
        kind=parsed.kind if parsed is not None else "",
        uploaded=uploaded,
        seen=seen,
        yanked=entry.yanked,
        licence=parts.licences.get(version, ""),
        gone=gone,
    )


def _entries(parts: Parts) -> Iterable[Entry]:
    """What is stored here stays as it was first seen, also when the upstream changes or drops it."""
    stored = {own.entry.filename: own.entry for own in parts.own if own.stored}
    told = parts.document.files if parts.document is not None else ()
    if parts.offline:
        told = ()
    listed = set()
    for entry in told:
        kept = stored.get(entry.filename)
        listed.add(entry.filename)
        if kept is None or kept.path == entry.path:
            yield entry if kept is None else _renewed(kept, entry)
        else:
            yield kept
    newest = {entry.filename: entry for entry in parts.document.files} if parts.document else {}
    for filename, kept in stored.items():
        if filename not in listed:
            told_now = newest.get(filename)
            yield _renewed(kept, told_now) if told_now is not None and told_now.path == kept.path else kept


def _renewed(kept: Entry, told: Entry) -> Entry:
    """The upstream's newest word on a file, such as a yank; digest and size are those of the bytes."""
    return replace(told, sha256=kept.sha256, size=kept.size)


def _shown(parts: Parts, entry: Entry) -> Shown:
    return Shown(
        filename=entry.filename,
        url=_url(parts, entry),
        sha256=entry.sha256,
        size=entry.size,
        requires_python=entry.requires_python,
        upload_time=entry.upload_time,
        yanked=entry.yanked,
        core_metadata=_core_metadata(parts, entry),
        provenance=_provenance(parts, entry),
        extra=entry.extra,
    )


def _url(parts: Parts, entry: Entry) -> str:
    return f"{parts.base}packages/{entry.path}/{quote(entry.filename)}"


def _provenance(parts: Parts, entry: Entry) -> str | None:
    """PEP 740: "The value of this key SHALL be a fully qualified URL", and clients want https."""
    if not parts.origin or (entry.path, entry.filename) not in parts.provenance:
        return None
    return f"{parts.origin}{_url(parts, entry)}.provenance"


def _core_metadata(parts: Parts, entry: Entry) -> bool | str:
    """Announced only when it will be served: clients give up on one that is missing (PEP 658)."""
    if not entry.filename.endswith(".whl"):
        return False
    held = parts.metadata.get((entry.path, entry.filename))
    if held is not None:
        return held
    if parts.offline or parts.document is None:
        return False
    # Where the upstream has none it is read out of the wheel, by ranges.
    return entry.core_metadata or True
