"""Downloads of a package: how many by day and release for everybody, who and from where for its owners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from localshop import config
from localshop.catalog import credentials, downloads
from localshop.catalog.records import DownloadRecord
from localshop.protocol.names import normalise

from . import rights
from .chart import Chart, chart
from .cursors import Place, piece
from .export import Cell, csv_answer

_DAYS = 30
_TOP = 5
_ON_A_PAGE = 100
_TITLES = (
    *("last", "day", "times", "user", "credential", "address", "installer"),
    *("repository", "project", "version", "filename"),
)


@dataclass(frozen=True, slots=True)
class Use:
    """How much a package was used in the last ``days`` days, and which of its releases most."""

    days: int
    chart: Chart
    releases: Sequence[tuple[str, int]]


def use(slug: str, name: str) -> Use | None:
    """How much a package was used of late; None: downloads are not kept."""
    days = min(_DAYS, config.current().downloads_kept_days)
    if not days:
        return None
    today = datetime.now(UTC).date()
    since = today - timedelta(days=days - 1)
    by_day: Counter[date] = Counter()
    by_version: Counter[str] = Counter()
    for day, version, amount in downloads.amounts(slug, name, since=since):
        by_day[day] += amount
        by_version[version] += amount
    bars = chart(by_day.items(), since=since, until=today)
    return Use(days, bars, by_version.most_common(_TOP))


@require_safe
def who(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Who downloaded a package, or one release or file of it: when last, how often, from where."""
    repository = rights.repository_to_own(request, slug)
    name = normalise(name)
    version, filename = _wanted(request)
    found = piece(
        request.GET.get("before", ""),
        lambda most, before: downloads.who(
            slug, name, version=version, filename=filename, most=most, before=before
        ),
        _place,
        most=_ON_A_PAGE,
    )
    comments = credentials.comments({one.credential for one in found.lines if one.credential})
    context = {
        "repository": repository,
        "name": name,
        "version": version,
        "filename": filename,
        "piece": found,
        "lines": [(one, comments.get(one.credential, "")) for one in found.lines],
        "kept": config.current().downloads_kept_days,
    }
    return render(request, "web/packages/downloads.html", context)


@require_safe
def export(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    """The same as CSV, all of it."""
    rights.repository_to_own(request, slug)
    name = normalise(name)
    version, filename = _wanted(request)

    def find(most: int, before: Place | None) -> list[DownloadRecord]:
        return downloads.who(slug, name, version=version, filename=filename, most=most, before=before)

    return csv_answer(f"downloads-{name}.csv", _TITLES, find, _place, cells=cells)


def cells(one: DownloadRecord) -> tuple[Cell, ...]:
    """A download as a row of a table."""
    return (
        *(one.last, one.day.isoformat(), one.amount, one.username, one.credential, one.address),
        *(one.installer, one.repository, one.project, one.version, one.filename),
    )


def _wanted(request: HttpRequest) -> tuple[str, str]:
    version, filename = (
        request.GET.get(name, "")[:255].replace("\0", "") for name in ("version", "filename")
    )
    return version, filename


def _place(one: DownloadRecord) -> Place:
    return one.last, one.id
