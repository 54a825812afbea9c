"""Alarms: releases that are or were here and have turned out bad; held back, let go, dealt with."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from packaging.version import Version

from localshop.catalog import alarms, held, projects
from localshop.catalog.content import Change
from localshop.catalog.models import DownloadedFile, HeldRelease, Pass, Project
from localshop.catalog.records import AlarmRecord
from localshop.errors import BadInput
from localshop.protocol.filenames import version_or_none
from localshop.protocol.names import normalise

from . import rights

_SHOWN = 200
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """An alarm as the page shows it. ``known``: the project has a page; ``given``: somebody downloaded it.

    ``passed``: a pass lets the release through, whatever the rules say of it.
    """

    alarm: AlarmRecord
    known: bool
    given: bool
    held: bool
    passed: bool


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Those of the repositories that the person owns; an administrator sees all."""
    slugs = _slugs(request)
    closed = "closed" in request.GET
    found = alarms.listed(repositories=slugs, closed=closed, most=_SHOWN + 1)
    context = {
        "lines": _lines(found[:_SHOWN]),
        "more": len(found) > _SHOWN,
        "closed": closed,
    }
    return render(request, "web/activity/alarms.html", context)


@require_POST
def close(request: HttpRequest, alarm_id: int) -> HttpResponse:
    """Say that an alarm is dealt with."""
    slugs = _slugs(request)

    def work() -> str:
        one = alarms.alarm(alarm_id)
        if slugs is not None and one.bad.repository not in slugs:
            raise PermissionDenied
        alarms.close(alarm_id, actor=rights.actor_of(request), at=datetime.now(UTC))
        return f"The alarm about {one.bad.project} {one.bad.version} is closed."

    _say(request, work)
    return redirect("alarms")


@require_POST
def hold(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Hold a release back."""
    change, version = _change(request, slug, name), request.POST.get("version", "")
    reason = " ".join(request.POST.get("reason", "").split())[:_LONGEST_REASON]

    def work() -> str:
        held.hold(change, version, reason=reason)
        return f"{change.project} {version} is held back."

    _say(request, work)
    return _back(request, change)


@require_POST
def unhold(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Let a release go."""
    change, version = _change(request, slug, name), request.POST.get("version", "")

    def work() -> str:
        held.unhold(change, version)
        return f"{change.project} {version} is held back no more."

    _say(request, work)
    return _back(request, change)


def _slugs(request: HttpRequest) -> list[str] | None:
    """Of which repositories the person sees alarms; None: of all, also of those that are gone."""
    owned = rights.owned(request)
    if rights.is_administrator(request):
        return None
    if not owned:
        raise PermissionDenied
    return [one.slug for one in owned]


def _lines(found: Sequence[AlarmRecord]) -> list[AlarmLine]:
    """As many queries for two hundred alarms as for one."""
    slugs, names = {one.bad.repository for one in found}, {one.bad.project for one in found}
    known = set(
        Project.objects.filter(repository__slug__in=slugs, name__in=names).values_list(
            "repository__slug", "name"
        )
    )
    downloaded = DownloadedFile.objects.filter(repository__in=slugs, project__in=names).distinct()
    given = {
        (slug, name, told)
        for slug, name, version in downloaded.values_list("repository", "project", "version")
        for told in (version_or_none(version), None)
    }
    holds = HeldRelease.objects.filter(repository__slug__in=slugs, project__in=names)
    held = {
        (slug, name, version_or_none(version))
        for slug, name, version in holds.values_list("repository__slug", "project", "version")
    }
    passes = Pass.objects.filter(
        Q(until=None) | Q(until__gt=time.time()), repository__slug__in=slugs, project__in=names, rule=""
    )
    passed: dict[tuple[str, str, Version | None], set[str]] = {}
    columns = ("repository__slug", "project", "version", "knowing")
    for slug, name, let, knowing in passes.values_list(*columns):
        passed.setdefault((slug, name, version_or_none(let)), set()).update(knowing)
    lines = []
    for one in found:
        place = (one.bad.repository, one.bad.project)
        # An alarm about a whole project names no version.
        version = version_or_none(one.bad.version)
        lines.append(
            AlarmLine(
                one,
                place in known,
                given=(*place, version) in given,
                held=(*place, version) in held,
                passed=_is_passed(one, passed.get((*place, version))),
            )
        )
    return lines


def _is_passed(one: AlarmRecord, knowing: set[str] | None) -> bool:
    """Whether a pass lifts it, which it does not where an advisory came after the pass."""
    return knowing is not None and (one.bad.cause != "malicious" or one.bad.source in knowing)


def _change(request: HttpRequest, slug: str, name: str) -> Change:
    repository = rights.repository_to_own(request, slug)
    name = normalise(name)
    if projects.project(repository.id, name) is None:
        raise Http404(f"There is no package {name!r} in {slug!r}.")
    return Change(slug, name, rights.actor_of(request), datetime.now(UTC))


def _say(request: HttpRequest, work: Callable[[], str]) -> None:
    try:
        messages.success(request, work())
    except BadInput as error:
        messages.error(request, error.sentence)


def _back(request: HttpRequest, change: Change) -> HttpResponse:
    """To the alarms, if it was asked for there."""
    if "alarms" in request.POST:
        return redirect("alarms")
    return redirect("project", change.repository, change.project)
