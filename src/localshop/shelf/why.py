"""Why files of a project are hidden: everything that its judge says, file by file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from localshop.catalog import projects
from localshop.catalog.records import RepositoryRecord
from localshop.policies.records import Pass, Subject, Verdict

from .assemble import subjects
from .parts import parts_of


@dataclass(frozen=True, slots=True)
class Why:
    """What is said of one file: by each rule that hides it, or would; and the pass that lets it through."""

    subject: Subject
    verdicts: Sequence[Verdict]
    let_through: Pass | None


def why(repository: RepositoryRecord, name: str, *, offline: bool, now: float) -> list[Why]:
    """Every file of a project of which there is something to say; this is blocking work."""
    project = projects.project(repository.id, name)
    if project is None:
        return []
    parts = replace(parts_of(repository, project), offline=offline)
    judge = parts.judge
    found = [
        Why(subject, tuple(judge.verdicts(subject, now)), judge.pass_for(subject, now))
        for _, subject in subjects(parts)
    ]
    return [one for one in found if one.verdicts or one.let_through is not None]
