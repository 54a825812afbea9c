"""What needs somebody's attention: shown to administrators, and to owners what is of their repositories."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse

from localshop import config
from localshop.catalog import alarms, health, queue
from localshop.catalog.records import RepositoryRecord
from localshop.errors import StorageError
from localshop.storage.opening import open_store

from . import rights

_LATE = 600.0
"""Seconds after which a job that is due should have been begun."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing that is not well; ``url`` leads to where one can do something about it, or is empty."""

    sentence: str
    url: str = ""
    link: str = ""
    bad: bool = False


def attention(request: HttpRequest, repositories: Sequence[RepositoryRecord]) -> list[Matter]:
    """What the visitor should know, the worst first; ``repositories`` are those that he may read."""
    administrator = rights.is_administrator(request)
    owned = [one for one in repositories if rights.may_own(request, one)]
    if not administrator and not owned:
        return []
    found = [
        *_alarms(None if administrator else owned),
        *_swapped(None if administrator else owned),
        *_upstreams(None if administrator else owned),
    ]
    if administrator:
        found += [*_jobs(), *_room()]
    return sorted(found, key=lambda one: not one.bad)


def _alarms(owned: Sequence[RepositoryRecord] | None) -> Iterator[Matter]:
    amount = alarms.amount_open([one.slug for one in owned] if owned is not None else None)
    if amount:
        sentence = (
            f"{amount} alarms are open: releases that are or were here have turned out bad."
            if amount > 1
            else "A release that is or was here has turned out bad."
        )
        yield Matter(sentence, reverse("alarms"), "Alarms", bad=True)


def _swapped(owned: Sequence[RepositoryRecord] | None) -> Iterator[Matter]:
    rows = health.swapped_files([one.id for one in owned] if owned is not None else None, most=_SHOWN + 1)
    for row in rows[:_SHOWN]:
        yield Matter(
            f"The upstream of {row.repository} now announces other bytes for {row.filename} than are stored. "
            "What is stored stays.",
            reverse("project", args=[row.repository, row.project]),
            row.project,
            bad=True,
        )
    if len(rows) > _SHOWN:
        yield Matter(
            "There are more such files.", f"{reverse('activity')}?kind=changed", "All of them", bad=True
        )


def _upstreams(owned: Sequence[RepositoryRecord] | None) -> Iterator[Matter]:
    slugs = {one.slug for one in owned} if owned is not None else None
    for one in health.upstreams():
        if one.down and (slugs is None or one.repository in slugs):
            # Where it is, not what its address may have in it.
            yield Matter(
                f"{urlsplit(one.url).hostname}, an upstream of {one.repository}, did not answer as it should "
                f"when it was last asked: {one.error} What is known is served."
            )


def _jobs() -> Iterator[Matter]:
    _, failed = queue.left_to_do()
    if failed:
        sentence = f"{failed} jobs have failed." if failed > 1 else "A job has failed."
        yield Matter(sentence, f"{reverse('jobs')}?state=failed", "Why", bad=True)
    # Offline those that need an upstream wait for as long as that lasts, and that is no news.
    late = 0.0 if config.current().offline else queue.longest_due(now=time.time())
    if late > _LATE:
        yield Matter(
            f"A job has been waiting for its turn for {late / 60:.0f} minutes. Does somebody do jobs?",
            f"{reverse('jobs')}?state=waiting",
            "What waits",
        )


def _room() -> Iterator[Matter]:
    try:
        free, total = open_store().room()
    except StorageError as error:
        yield Matter(error.sentence, bad=True)
        return
    if free < total / 20:
        sentence = f"The disk is nearly full: {filesizeformat(free)} of {filesizeformat(total)} are free."
        yield Matter(sentence, bad=True)
