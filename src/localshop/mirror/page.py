"""The page of a project: from the shelf, or made from what the upstream says now."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

from localshop.catalog.reads import Token
from localshop.catalog.records import RepositoryRecord
from localshop.observe.counters import key_of, tally
from localshop.shelf import shelf
from localshop.shelf.known import known_project
from localshop.shelf.shelf import Rendered
from localshop.shop import Shop

from . import licences
from .names import is_ours
from .patience import deadline, in_time
from .refresh import is_fresh, refresh

_PATIENCE = 4.0
"""Seconds for which a page that is known is held back for a newer one."""
_SHELF, _STALE, _BUILT, _ABSENT = (
    key_of("pages_total", outcome=outcome) for outcome in ("shelf", "stale", "built", "absent")
)


async def page(
    shop: Shop, repository: RepositoryRecord, name: str, *, token: Token, form: str
) -> Rendered | None:
    """The page of a normalised name, as ``json`` or ``html``; None: there is no such project.

    Fresh pages are taken as they are. An older one is served once more while one refresh runs
    behind. Only a project that nothing is known of is waited for; if its upstream fails then,
    that error is raised.
    """
    ours, outcome = is_ours(repository, name, kind=token.kind), _SHELF
    if ours:
        if not token.id or token.kind != "private":
            # With a 404 the client would look for the name elsewhere.
            tally(outcome)
            return shelf.empty(name, form)
    elif not shop.config.offline and not is_fresh(shop, repository, token.fresh_until):
        if token.fresh_until:
            trip = partial(_refresh_in_turn, shop, repository, name)
            shop.behind_once(f"page {repository.id} {name}", trip, what=f"Refreshing {name}")
            outcome = _STALE
        else:
            outcome = _BUILT
            if shop.steady() < (shop.absent.get((repository.id, name)) or 0):
                tally(_ABSENT)
                return None
            await _first_look(shop, repository, name, token)
            token = await shop.reads.token(repository.id, name)
    if not token.id or not (token.listed or ours):
        tally(_ABSENT)
        return None
    found = await shelf.take(shop, token, form, mark=repository.page_mark)
    if found is None:
        outcome = _BUILT if outcome is _SHELF else outcome
        found = shelf.make_at_once(shop, repository, token, form)
    if found is None:
        found = await _make(shop, repository, name, token=token, form=form)
    tally(outcome)
    return found


async def _refresh_in_turn(shop: Shop, repository: RepositoryRecord, name: str) -> None:
    """Nobody waits for it, so it is not done for all at once: an upstream that is down is noticed sooner."""
    async with shop.turns:
        await refresh(shop, repository, name)


async def _first_look(shop: Shop, repository: RepositoryRecord, name: str, token: Token) -> None:
    """Wait for a trip to the upstreams; not long, if there is something to show without it."""
    trip = refresh(shop, repository, name)
    if not token.id:
        async with in_time(f"The page of {name}", until=deadline()):
            await trip
        return
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(trip, _PATIENCE)


async def _make(
    shop: Shop, repository: RepositoryRecord, name: str, *, token: Token, form: str
) -> Rendered | None:
    """Build a page, once for all who wait for the same state of the project."""

    async def build() -> Rendered | None:
        newest = await shop.reads.token(repository.id, name)
        ready = await shelf.take(shop, newest, form, mark=repository.page_mark)
        if ready is not None:
            return ready
        project = await known_project(shop, repository, name, token=newest)
        if project is None:
            return None
        if licences.are_wanted(repository) and project.kind != "private" and not shop.config.offline:
            work = licences.learn_licences(shop, repository, project)
            shop.behind(work, what=f"Learning the licences of {name}")
        return await shelf.make(shop, repository, project, form)

    state = f"{token.id} {token.serial} {token.arrivals} {repository.page_mark} {form}"
    return await shop.flights.once(f"build {state}", build)
