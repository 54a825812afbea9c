"""A project before the judge: what he says of each of its files, wherever somebody asks for one.

The page, the bytes, the METADATA, the web interface and those who fetch all ask here or by the same
parts, so what is hidden in one place is hidden in all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from localshop.catalog import files
from localshop.catalog.records import ProjectRecord, RepositoryRecord
from localshop.policies.judge import Judge
from localshop.policies.records import Subject, Verdict
from localshop.protocol.document import Entry
from localshop.shop import Shop

from .assemble import Parts, Place, subject_of, subjects
from .known import known_project
from .parts import judge_of, own_of, parts_of

_LEAST = 20
"""What a hearing weighs at least in memory, in files."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """A project's judge, and what he is told of its files, by their places.

    ``parts`` are without the files. ``known`` is empty where nothing depends on the files.
    """

    parts: Parts
    known: Mapping[Place, Subject]

    @property
    def judge(self) -> Judge:
        """Who judges."""
        return self.parts.judge

    def subject(self, entry: Entry) -> Subject:
        """What the judge is told of a file: as its page has it, else as the entry says."""
        return self.known.get(entry.place) or subject_of(self.parts, entry, since=self.parts.since)

    def verdict(self, entry: Entry, now: float) -> Verdict | None:
        """The verdict that hides a file; None: it is shown."""
        return self.judge.verdict(self.subject(entry), now)

    def subject_at(self, path: str, filename: str) -> Subject:
        """What the judge is told of a file that has a row."""
        return self.known.get((path, filename)) or subject_of(
            self.parts, Entry(filename, "", path), since=self.parts.since
        )

    def verdict_at(self, path: str, filename: str, now: float) -> Verdict | None:
        """The verdict on a file that has a row."""
        if self.judge.lenient:
            return None
        return self.judge.verdict(self.subject_at(path, filename), now)


async def heard(
    shop: Shop, repository: RepositoryRecord, name: str, *, project_id: int, serial: int
) -> Hearing | None:
    """Call a project before its judge, as it is in this state; None: it has just gone.

    Every change of what he is told raises the project's serial, and other rules have another mark.
    """
    mark = repository.rules.mark
    found: Hearing | None = shop.hearings.get(project_id, state=(serial, mark))
    if found is None:
        project = await known_project(shop, repository, name)
        if project is None:
            return None
        found = await _called(shop, repository, project)
        if project.id == project_id and project.serial == serial:
            remember(shop, found, project, mark=mark)
    return found


async def _called(shop: Shop, repository: RepositoryRecord, project: ProjectRecord) -> Hearing:
    """Once for all in this process who ask for a file of it: a large project takes a while."""
    if not repository.rules.mark:
        return await shop.look(hearing, repository, project)
    key = f"hearing {os.getpid()} {project.id} {project.serial} {repository.rules.mark}"
    return await shop.flights.once(key, lambda: shop.look(hearing, repository, project))


def known_idle_judge(shop: Shop, repository: RepositoryRecord, project: ProjectRecord) -> Judge | None:
    """The judge of a project in this state, if he was called and no rule says anything of its files."""
    found: Hearing | None = shop.hearings.get(project.id, state=(project.serial, repository.rules.mark))
    return found.judge if found is not None and found.judge.idle else None


def remember_idle(shop: Shop, repository: RepositoryRecord, project: ProjectRecord, judge: Judge) -> None:
    """Keep a judge who has nothing to say: whoever wants the page or a file next need not call him again."""
    if judge.idle:
        remember(shop, _hearing_of(judge), project, mark=repository.rules.mark)


def _hearing_of(judge: Judge) -> Hearing:
    return Hearing(Parts(judge.case.project, own=(), document=None, judge=judge), {})


def remember(shop: Shop, hearing: Hearing, project: ProjectRecord, *, mark: str) -> None:
    """Keep a hearing, by rules of this mark, for as long as the project stays in this state."""
    weight = _LEAST + len(hearing.known)
    shop.hearings.put(project.id, hearing, weight=weight, state=(project.serial, mark))


def hearing(repository: RepositoryRecord, project: ProjectRecord) -> Hearing:
    """Call a project before its judge; this is blocking work."""
    judge = judge_of(repository, project)
    if judge.idle:
        return _hearing_of(judge)
    parts = parts_of(repository, project)
    known = {entry.place: subject for entry, subject in subjects(parts)}
    for own in map(own_of, files.every_row(project.id)):
        # One that the page does not have: it was overwritten, or is of an upstream that does not answer now.
        known.setdefault(own.entry.place, subject_of(parts, own.entry, since=own.since, gone=own.gone))
    return Hearing(replace(parts, own=(), document=None), known)
