"""Alarms: releases that are or were here and have turned out bad, until somebody has dealt with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from django.db import transaction

from localshop.errors import BadInput
from localshop.policies.advisories import Vulnerable
from localshop.policies.records import Case, Finding
from localshop.policies.rules import stored
from localshop.protocol.filenames import parse, version_or_none

from . import queue
from .journal import Actor, note
from .models import Alarm, DownloadedFile, File, Project, Repository
from .portions import portions
from .records import AlarmRecord, Bad

WEBHOOK = "alarm-webhook"
MAIL = "alarm-mail"
"""The names of the jobs that pass alarms on."""
Channel = Literal["webhook", "mail"]
_LONGEST_SENTENCE = 1000
_LONGEST_SOURCE = 300


def raise_alarms(bad: Iterable[Bad], *, now: float, again: bool = False) -> int:
    """Raise an alarm for each, once; call it in the transaction that finds it out. How many are new.

    ``again``: one that was dealt with is opened anew, because it has happened anew.
    """
    at, new = datetime.fromtimestamp(now, tz=UTC), 0
    with transaction.atomic():
        for one in bad:
            row, made = Alarm.objects.get_or_create(
                repository=one.repository,
                project=one.project,
                version=one.version,
                cause=one.cause,
                source=one.source[:_LONGEST_SOURCE],
                defaults={"sentence": one.sentence[:_LONGEST_SENTENCE], "at": at},
            )
            if not made and again and row.closed is not None:
                sentence = one.sentence[:_LONGEST_SENTENCE]
                fresh = {"closed": None, "closed_by": "", "to_webhook": True, "to_mail": True}
                Alarm.objects.filter(id=row.id).update(at=at, sentence=sentence, **fresh)
                made = True
            new += made
        if new:
            for name in (WEBHOOK, MAIL):
                queue.enqueue(name, name, payload={}, now=now)
    return new


def look_again(findings: Mapping[str, Sequence[Finding]], *, now: float) -> int:
    """Raise alarms for releases that are or were here and that an advisory now speaks of.

    For malicious ones always, for vulnerable ones where the repository has a rule about them.
    """
    bad: list[Bad] = []
    rules = {row.slug: stored(row.rules).get(Vulnerable.name) for row in Repository.objects.all()}
    for (repository, project), versions in _here(findings).items():
        every = findings[project]
        malicious = [one for one in every if one.malicious]
        rule = rules.get(repository)
        counted = rule.about(Case(project, findings=every)) if isinstance(rule, Vulnerable) else ()
        for version in sorted(versions):
            worse = [*malicious, *(one for part in counted for one in part.findings)]
            hits = (one for one in worse if one.affected.holds(version))
            bad += [_advised(repository, project, version, one) for one in hits]
    return raise_alarms(bad, now=now)


def listed(
    *, repositories: Collection[str] | None = None, closed: bool = False, most: int | None = None
) -> list[AlarmRecord]:
    """Alarms, the newest first; ``repositories`` None: of all. ``closed``: those dealt with, too."""
    rows = Alarm.objects.order_by("-at", "-id")
    if repositories is not None:
        rows = rows.filter(repository__in=repositories)
    if not closed:
        rows = rows.filter(closed=None)
    return [_record(row) for row in rows[:most]]


def alarm(alarm_id: int) -> AlarmRecord:
    """One alarm; raises ``BadInput`` when there is none."""
    row = Alarm.objects.filter(id=alarm_id).first()
    if row is None:
        raise BadInput(f"There is no alarm {alarm_id}.")
    return _record(row)


def amount_open(repositories: Collection[str] | None = None) -> int:
    """How many alarms nobody has dealt with."""
    rows = Alarm.objects.filter(closed=None)
    return (rows if repositories is None else rows.filter(repository__in=repositories)).count()


def close(alarm_id: int, *, actor: Actor, at: datetime) -> AlarmRecord:
    """Say that an alarm is dealt with; raises ``BadInput`` when there is none that is open."""
    with transaction.atomic():
        row = Alarm.objects.select_for_update().filter(id=alarm_id, closed=None).first()
        if row is None:
            raise BadInput(f"There is no open alarm {alarm_id}.")
        row.closed, row.closed_by = at, actor.who[:200]
        row.save(update_fields=["closed", "closed_by"])
        note(
            "alarm-closed",
            actor,
            at=at,
            repository=row.repository,
            project=row.project,
            subject=row.version,
            detail={"cause": row.cause, "source": row.source},
        )
    return _record(row)


def untold(channel: Channel, *, most: int) -> list[AlarmRecord]:
    """Alarms that have still to be passed on this way, the oldest first."""
    return [
        _record(row) for row in Alarm.objects.filter(**{f"to_{channel}": True}).order_by("at", "id")[:most]
    ]


def told(channel: Channel, ids: Collection[int]) -> None:
    """These were passed on, or nobody wants them to be."""
    with transaction.atomic():
        Alarm.objects.filter(id__in=ids).update(**{f"to_{channel}": False})


def _advised(repository: str, project: str, version: str, finding: Finding) -> Bad:
    what = "is malicious" if finding.malicious else "has a known vulnerability"
    summary = f" ({finding.summary})" if finding.summary else ""
    return Bad(
        repository,
        project,
        version,
        cause="malicious" if finding.malicious else "vulnerable",
        source=finding.advisory,
        sentence=f"{project} {version} {what}, says {finding.advisory}{summary}.",
    )


def _here(projects: Iterable[str]) -> dict[tuple[str, str], set[str]]:
    """Versions of which files are here or were given out, by repository and mirrored project."""
    found: dict[tuple[str, str], set[str]] = {}
    for some in portions(projects):
        private = set(
            Project.objects.filter(name__in=some, kind=Project.Kind.PRIVATE).values_list(
                "repository__slug", "name"
            )
        )
        files = File.objects.filter(project__name__in=some).values_list(
            "repository__slug", "project__name", "filename"
        )
        given = DownloadedFile.objects.filter(project__in=some).values_list(
            "repository", "project", "filename"
        )
        spelled: dict[tuple[str, str, object], str] = {}
        for repository, project, filename in [*files, *given]:
            name = parse(filename, project)
            if name is not None and (repository, project) not in private:
                # 1.0 and 1.0.0 are one release.
                key = (repository, project, version_or_none(name.version) or name.version)
                found.setdefault((repository, project), set()).add(spelled.setdefault(key, name.version))
    return found


def _record(row: Alarm) -> AlarmRecord:
    bad = Bad(row.repository, row.project, row.version, row.cause, row.source, row.sentence)
    return AlarmRecord(row.id, bad, row.at, row.closed, row.closed_by)
