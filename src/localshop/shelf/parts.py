"""What a project's page is made of: its own files, what the upstream that answers says, and the judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from localshop.catalog import advisories, files, held, policies, projects
from localshop.catalog.records import FileRecord, ProjectRecord, RepositoryRecord, UpstreamPageRecord
from localshop.policies.judge import Judge
from localshop.policies.licences import Licences
from localshop.policies.records import Case, Finding, Hold, Pass
from localshop.protocol.document import Document, Entry, entry_from_json, unpack
from localshop.protocol.filenames import parse
from localshop.shop import Shop

from .assemble import Own, Parts, Place


@dataclass(slots=True)
class Answer:
    """What the upstream that answers for a project says of it, ``since`` then (seconds since the epoch)."""

    upstream_id: int
    document: Document
    since: float
    _entries: dict[Place, Entry] = field(default_factory=dict)

    def entry(self, place: Place) -> Entry | None:
        """What it says of the file at this place."""
        if not self._entries:
            self._entries = {entry.place: entry for entry in self.document.files}
        return self._entries.get(place)


def known_answer(shop: Shop, repository: RepositoryRecord, project: ProjectRecord) -> Answer | None:
    """What is remembered of the upstream that answers for a project in this state."""
    answer: Answer | None = shop.answers.get(project.id, state=_state(repository, project))
    return answer


def remember_answer(shop: Shop, repository: RepositoryRecord, project: ProjectRecord, answer: Answer) -> None:
    """Keep what the upstream says for as long as the project stays in this state."""
    weight = len(answer.document.files) + 1
    shop.answers.put(project.id, answer, weight=weight, state=_state(repository, project))


def _state(repository: RepositoryRecord, project: ProjectRecord) -> tuple[int, ...]:
    # Who came in before the upstreams were put in another order may read a project of afterwards: what is
    # first for him must not answer to others.
    return project.serial, *(one.id for one in repository.upstreams)


def parts_of(repository: RepositoryRecord, project: ProjectRecord, *, answer: Answer | None = None) -> Parts:
    """The parts of a project's page that the judge looks at; this is blocking work.

    ``answer``: that of the upstream, where it is known already.
    """
    if project.kind == "private":
        answer = None
    elif answer is None:
        answer = answering(repository, projects.upstream_pages(project.id))
    own = [
        own_of(file)
        # Nothing of an undecided project was ever wanted.
        for file in (files.files_of(project.id) if project.kind else ())
        # What came from another upstream than the one that answers now is not mixed in.
        if answer is None or file.upstream_id in {None, answer.upstream_id}
    ]
    return Parts(
        name=project.name,
        own=own,
        document=answer.document if answer is not None else None,
        judge=judge_of(repository, project),
        licences=licences_of(repository, project),
        since=answer.since if answer is not None else None,
    )


def licences_of(repository: RepositoryRecord, project: ProjectRecord) -> Mapping[str, str]:
    """The licence of each version (as spelled) of which METADATA is held that tells one."""
    if repository.rules.get(Licences.name) is None:
        # Only that rule looks at them, and there may be thousands.
        return {}
    found: dict[str, str] = {}
    for (_, filename), licence in sorted(files.licences(project.id).items()):
        parsed = parse(filename, project.name)
        if parsed is not None and licence:
            known = found.setdefault(parsed.version, licence)
            if known != licence:
                # Its files disagree: all of what they say has to fit.
                found[parsed.version] = f"({known}) AND ({licence})"
    return found


def judge_of(repository: RepositoryRecord, project: ProjectRecord) -> Judge:
    """The judge of a project's files, by what is known of it now."""
    # An advisory of a private project's name is about somebody else's package.
    findings = findings_of(project) if project.kind != "private" else ()
    case = case_of(
        project,
        # Without rules and findings there is nothing that a pass could let through.
        passes=policies.passes_of(repository.id, project.name) if repository.rules.mark or findings else (),
        findings=findings,
        holds=held.holds_of(repository.id, project.name),
    )
    return Judge(repository.rules, case)


def case_of(
    project: ProjectRecord, *, passes: Sequence[Pass], findings: Sequence[Finding], holds: Sequence[Hold]
) -> Case:
    """What the judge is told of a project."""
    return Case(
        project=project.name,
        private=project.kind == "private",
        used=project.kind != "",
        status=project.status,
        status_reason=project.status_reason,
        passes=passes,
        findings=findings,
        holds=holds,
    )


def findings_of(project: ProjectRecord) -> Sequence[Finding]:
    """What advisories say of a project that is not private."""
    return advisories.findings_of([project.name]).get(project.name, ())


def answering(repository: RepositoryRecord, known: Mapping[int, UpstreamPageRecord]) -> Answer | None:
    """The first upstream, in order, that has the project, and what it says. It answers alone.

    Files of several upstreams are never mixed: whoever can publish a name on a later one would
    otherwise add his files to a project of an earlier one (dependency confusion).
    """
    for source in repository.upstreams:
        page = known.get(source.id)
        document = known_document(page) if page is not None else None
        if page is not None and document is not None:
            return Answer(source.id, document, page.changed)
    return None


def known_document(page: UpstreamPageRecord) -> Document | None:
    """What an upstream last said; None: it has not the project, or another version of us wrote it."""
    try:
        return unpack(page.document) if page.document else None
    except ValueError:
        return None


def own_of(file: FileRecord) -> Own:
    """A file that has a row, as pages take it."""
    entry = entry_from_json(file.entry)
    since = file.created.timestamp()
    if file.blob is None:
        return Own(entry, stored=False, since=since, gone=file.gone)
    entry = replace(entry, sha256=file.blob.sha256, size=file.blob.size)
    return Own(entry, stored=True, since=since, gone=file.gone)
