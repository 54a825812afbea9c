"""The journal: who did what to what, when, from where. Administrators see all of it, owners their part."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from localshop.catalog import journal as rows
from localshop.catalog.records import EventRecord, RepositoryRecord

from . import rights
from .cursors import Place, piece
from .export import Cell, csv_answer
from .journal_words import KINDS, told

_ON_A_PAGE = 50
_TITLES = ("time", "action", "who", "address", "repository", "project", "subject", "detail")


@dataclass(frozen=True, slots=True)
class Filters:
    """What somebody looks for, as he wrote it; empty: everything."""

    repository: str
    kind: str
    project: str
    who: str
    since: str
    until: str


@require_safe
def journal(request: HttpRequest) -> HttpResponse:
    """The last lines, or those that were asked for."""
    repositories = _seen(request)
    filters = _filters(request)
    sought = _sought(filters, None if rights.is_administrator(request) else repositories)
    found = piece(
        request.GET.get("before", ""),
        lambda most, before: rows.lines(sought, most=most, before=before),
        _place,
        most=_ON_A_PAGE,
    )
    context = {
        "piece": found,
        "lines": [told(event) for event in found.lines],
        "filters": filters,
        "kinds": {name: title for name, (title, _) in KINDS.items()},
        "repositories": repositories,
        "mine": {one.slug for one in repositories},
    }
    return render(request, "web/activity/journal.html", context)


@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """All lines that fit, as CSV."""
    repositories = _seen(request)
    sought = _sought(_filters(request), None if rights.is_administrator(request) else repositories)

    def find(most: int, before: Place | None) -> list[EventRecord]:
        return rows.lines(sought, most=most, before=before)

    return csv_answer("journal.csv", _TITLES, find, _place, cells=_cells)


def _seen(request: HttpRequest) -> list[RepositoryRecord]:
    """The repositories whose lines the person may see."""
    repositories = rights.owned(request)
    if not repositories and not rights.is_administrator(request):
        raise PermissionDenied
    return repositories


def _filters(request: HttpRequest) -> Filters:
    return Filters(
        **{
            name: request.GET.get(name, "").strip()[:200].replace("\0", "")
            for name in Filters.__dataclass_fields__
        }
    )


def _sought(filters: Filters, only: list[RepositoryRecord] | None) -> rows.Sought:
    """What is looked for; ``only`` None: in everything, also in what is of no repository."""
    wanted = [one.slug for one in only] if only is not None else None
    if filters.repository:
        wanted = [filters.repository] if wanted is None or filters.repository in wanted else []
    since, until = _day(filters.since), _day(filters.until)
    return rows.Sought(
        repositories=wanted,
        actions=KINDS[filters.kind][1] if filters.kind in KINDS else (),
        project=filters.project,
        who=filters.who,
        since=since,
        until=until + timedelta(days=1) if until is not None else None,
    )


def _day(text: str) -> datetime | None:
    """The beginning of a day in UTC, as a form of a browser sends it."""
    try:
        return datetime.combine(date.fromisoformat(text), time(tzinfo=UTC))
    except ValueError:
        return None


def _place(event: EventRecord) -> Place:
    return event.at, event.id


def _cells(event: EventRecord) -> tuple[Cell, ...]:
    detail = json.dumps(event.detail, ensure_ascii=False) if event.detail else ""
    return (
        event.at,
        event.action,
        event.who,
        event.address,
        event.repository,
        event.project,
        event.subject,
        detail,
    )
