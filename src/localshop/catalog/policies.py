"""The rules of repositories, and the passes that let a version through all the same: look-ups and changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import F, Q

from localshop.errors import BadInput
from localshop.policies.reading import written
from localshop.policies.records import Pass as PassOfCase
from localshop.policies.rules import Rules, stored
from localshop.protocol.filenames import version_or_none
from localshop.protocol.names import is_name, normalise

from .journal import Actor, note
from .models import AdvisedProject, Pass, Project, Repository
from .records import PassRecord
from .state import access_changed

_LONGEST_REASON = 500


def save_rules(slug: str, rules: Rules, *, actor: Actor) -> Rules:
    """Put other rules in the place of a repository's; gives what they were.

    With the answer every process judges by them: each request reads the generation of rights, and a page
    that was made by other rules is told by its recipe.
    """
    with transaction.atomic():
        row = _repository(slug)
        before = stored(row.rules)
        Repository.objects.filter(id=row.id).update(rules=rules.told())
        access_changed()
        old, new = before.told(), rules.told()
        changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        detail = {
            "before": {name: old.get(name) for name in changed},
            "after": {name: new.get(name) for name in changed},
        }
        if changed:
            note("rules-changed", actor, at=datetime.now(UTC), repository=slug, subject=slug, detail=detail)
    return before


def let_through(
    slug: str, project: str, version: str, *, until: float, reason: str, now: float, actor: Actor
) -> PassRecord:
    """Let one version of a project through, whatever the rules say, until a time.

    Raises ``BadInput`` when that is no version, without a reason, or when the end is past.
    """
    if version_or_none(version) is None:
        raise BadInput(f"{version!r} is no version as in PEP 440.")
    if until <= now:
        raise BadInput(f"A pass ends in the future; {written(until)} is past.")
    return _give(slug, project, version, rule="", until=until, reason=reason, actor=actor)


def approve(slug: str, project: str, *, rule: str, reason: str, actor: Actor) -> PassRecord:
    """Let a whole project through one rule, for good: somebody has looked at it."""
    return _give(slug, project, "", rule=rule, until=None, reason=reason, actor=actor)


def end_pass(slug: str, project: str, version: str, *, rule: str = "", actor: Actor) -> PassRecord:
    """Take a pass, or an approval, back, and give it; raises ``BadInput`` when there is none."""
    name = normalise(project)
    with transaction.atomic():
        row = _repository(slug)
        found = Pass.objects.filter(repository=row, project=name, version=version, rule=rule).first()
        if found is None:
            raise BadInput(f"Repository {slug!r} has no pass for {name} {version or rule}.")
        ended = _record(found)
        found.delete()
        _touch(row, name)
        _note("pass-ended", slug, actor, ended, detail={"before": _shape(ended), "after": None})
    return ended


def passes(repository_id: int, *, now: float) -> list[PassRecord]:
    """The passes of a repository that have not ended, the newest first."""
    rows = Pass.objects.filter(Q(until=None) | Q(until__gt=now), repository_id=repository_id)
    return [_record(row) for row in rows.order_by("-created", "-id")]


def passes_of(repository_id: int, project: str) -> list[PassOfCase]:
    """The passes of a project as the judge takes them; he knows which have ended."""
    rows = Pass.objects.filter(repository_id=repository_id, project=project)
    return [_of_case(row) for row in rows]


def passes_by_project(repository_id: int) -> dict[str, list[PassOfCase]]:
    """The passes of all projects of a repository, as the judge takes them."""
    found: dict[str, list[PassOfCase]] = {}
    for row in Pass.objects.filter(repository_id=repository_id):
        found.setdefault(row.project, []).append(_of_case(row))
    return found


def _of_case(row: Pass) -> PassOfCase:
    return PassOfCase(row.version, row.until, row.rule, row.reason, row.who, frozenset(row.knowing))


def _give(
    slug: str, project: str, version: str, *, rule: str, until: float | None, reason: str, actor: Actor
) -> PassRecord:
    if not is_name(project):
        raise BadInput(f"{project!r} cannot be the name of a package.")
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise BadInput(f"A pass has a reason, of {_LONGEST_REASON} characters at most.")
    name = normalise(project)
    with transaction.atomic():
        row = _repository(slug)
        known = Pass.objects.filter(repository=row, project=name, version=version, rule=rule).first()
        before = _shape(_record(known)) if known is not None else None
        given, made = Pass.objects.update_or_create(
            repository=row,
            project=name,
            version=version,
            rule=rule,
            defaults={
                "until": until,
                "reason": reason.strip(),
                "who": actor.who,
                "knowing": _malicious(name),
            },
        )
        _touch(row, name)
        action = "pass-given" if made else "pass-changed"
        detail = {"before": before, "after": _shape(_record(given))}
        _note(action, slug, actor, _record(given), detail=detail)
    return _record(given)


def _malicious(project: str) -> list[str]:
    """The advisories that call this project malicious now."""
    rows = AdvisedProject.objects.filter(project=project, advisory__malicious=True)
    return sorted(rows.values_list("advisory__name", flat=True))


def _note(action: str, slug: str, actor: Actor, one: PassRecord, *, detail: Mapping[str, object]) -> None:
    at = datetime.now(UTC)
    note(action, actor, at=at, repository=slug, project=one.project, subject=one.version, detail=detail)


def _touch(repository: Repository, project: str) -> None:
    """Another page, and other verdicts, from now on, in every process."""
    Project.objects.filter(repository=repository, name=project).update(serial=F("serial") + 1)


def _repository(slug: str) -> Repository:
    row = Repository.objects.select_for_update().filter(slug=slug).first()
    if row is None:
        raise BadInput(f"There is no repository {slug!r}.")
    return row


def _shape(one: PassRecord) -> dict[str, object]:
    return {
        "version": one.version,
        "rule": one.rule,
        "until": written(one.until) if one.until is not None else None,
        "reason": one.reason,
    }


def _record(row: Pass) -> PassRecord:
    return PassRecord(
        project=row.project,
        version=row.version,
        rule=row.rule,
        until=row.until,
        reason=row.reason,
        who=row.who,
        created=row.created,
    )
