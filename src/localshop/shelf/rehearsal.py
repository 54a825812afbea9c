"""A rehearsal of rules: what the downloads of the last days would have met, had they been in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby

from localshop.catalog import advisories, downloads, files, held, policies, projects
from localshop.catalog.records import GivenOutRecord, ProjectRecord, RepositoryRecord, WantedRecord
from localshop.policies.judge import Judge
from localshop.policies.records import Verdict
from localshop.policies.rules import Rules
from localshop.protocol.document import Entry, entry_from_json

from .assemble import Parts, Place, subject_of
from .parts import case_of, licences_of


@dataclass(frozen=True, slots=True)
class Met:
    """A rule that a release would have met: as how many downloads, and on which day last.

    ``verdict`` is that of the last of them; when it is ``watched``, they would have gone through.
    """

    project: str
    version: str
    verdict: Verdict
    downloads: int
    last: date


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a rehearsal found: of all ``downloads`` so many would have been ``refused``."""

    since: date
    downloads: int
    refused: int
    met: Sequence[Met]


def rehearse(repository: RepositoryRecord, rules: Rules, *, days: int, now: float) -> Rehearsed:
    """Judge what a repository gave out in the last days by these rules; this is blocking work.

    Each download is judged by the end of its day, so what is counted was hidden all of it. A project counts
    as used if somebody had a file of it before these days.
    """
    today = datetime.fromtimestamp(now, tz=UTC).date()
    since = today - timedelta(days=days - 1)
    house = _House(replace(repository, rules=rules), since)
    found: dict[tuple[str, str, str, bool], Met] = {}
    total = refused = 0
    given = downloads.given_out(repository.slug, since=since)
    for name, group in groupby(given, key=lambda one: one.project):
        project = _Rehearsed(house, name)
        for one in group:
            verdicts = project.verdicts(one, now)
            total += one.amount
            refused += one.amount if any(not each.watched for each in verdicts) else 0
            for verdict in verdicts:
                key = (name, one.version, verdict.rule, verdict.watched)
                known = found.get(key)
                amount = one.amount + (known.downloads if known is not None else 0)
                found[key] = Met(name, one.version, verdict, amount, one.day)
    met = sorted(found.values(), key=lambda one: (-one.downloads, one.project, one.version))
    return Rehearsed(since, total, refused, met)


class _House:
    """What is the same for all projects, read in a few queries."""

    def __init__(self, repository: RepositoryRecord, since: date) -> None:
        self.repository = repository
        self.projects = {one.name: one for one in projects.projects_of(repository.id)}
        mirrored = [name for name, one in self.projects.items() if one.kind != "private"]
        self.passes = policies.passes_by_project(repository.id)
        self.findings = advisories.findings_of(mirrored)
        self.holds = held.holds_by_project(repository.id)
        self.wanted: dict[Place, WantedRecord] = {}
        self.used: set[str] = set()
        begins = datetime.combine(since, time.min, tzinfo=UTC).timestamp()
        for one in files.wanted_in(repository.id):
            self.wanted[one.path, one.filename] = one
            if one.since < begins:
                self.used.add(one.project)


class _Rehearsed:
    """One project, before a judge that is not in force."""

    def __init__(self, house: _House, name: str) -> None:
        self._house = house
        project = house.projects.get(name) or _forgotten(house.repository, name)
        licences = licences_of(house.repository, project) if project.id else {}
        case = case_of(
            project,
            passes=house.passes.get(name, ()),
            findings=house.findings.get(name, ()),
            holds=house.holds.get(name, ()),
        )
        case = replace(case, used=case.private or name in house.used)
        judge = Judge(house.repository.rules, case)
        self._parts = Parts(name, own=(), document=None, judge=judge, licences=licences)

    def verdicts(self, one: GivenOutRecord, now: float) -> list[Verdict]:
        """All that would have been said of a file on its day."""
        wanted = self._house.wanted.get((one.path, one.filename))
        at = min(now, datetime.combine(one.day, time.max, tzinfo=UTC).timestamp())
        since = wanted.since if wanted is not None else at
        gone = wanted.gone if wanted is not None else None
        gone = gone if gone is not None and gone <= at else None
        entry = entry_from_json(one.entry) if one.entry is not None else Entry(one.filename, "", one.path)
        return list(self._parts.judge.verdicts(subject_of(self._parts, entry, since=since, gone=gone), at))


def _forgotten(repository: RepositoryRecord, name: str) -> ProjectRecord:
    """A project that has no row any more."""
    return ProjectRecord(
        id=0,
        repository_id=repository.id,
        name=name,
        kind="",
        serial=0,
        fresh_until=0.0,
        arrivals=0,
        status="active",
        status_reason="",
        publisher="",
    )
