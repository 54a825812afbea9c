"""Writes that share a transaction: what one of them does wrong costs the others nothing."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F

from databases import PATIENCE, postgresql_only
from localshop.catalog import projects, state
from localshop.catalog.durability import fetched_again
from localshop.catalog.models import Project
from localshop.shop import scribe
from threads import in_thread


@pytest.fixture
def shop(browser):
    return browser.application._shop


def made(repository, number):
    return Project.objects.create(repository_id=repository.id, name=f"demo-{number}").id


def known(repository):
    return in_thread(lambda: {*Project.objects.values_list("name", flat=True)})


async def test_what_waits_together_is_written_together(shop, repository, monkeypatch):
    """A hundred wheels at once must not wait a hundred times for the disk and for each other."""
    transactions = []
    run = shop.run

    async def counted(work, batch, **kwargs):
        transactions.append(len(batch))
        return await run(work, batch, **kwargs)

    await shop.write(state.access_changed)
    monkeypatch.setattr(shop._scribe, "_run", counted)
    ids = await asyncio.gather(*[shop.write(made, repository, number) for number in range(30)])

    assert len({*ids}) == 30
    assert transactions == [30]
    assert len(await known(repository)) == 30


async def test_one_that_fails_costs_the_others_nothing(shop, repository):
    await in_thread(made, repository, 3)

    ended = await asyncio.gather(
        *[shop.write(made, repository, number) for number in range(6)], return_exceptions=True
    )

    assert [isinstance(each, IntegrityError) for each in ended] == [number == 3 for number in range(6)]
    assert await known(repository) == {f"demo-{number}" for number in range(6)}


async def test_who_does_not_wait_any_more_costs_the_others_nothing(shop, repository):
    impatient = asyncio.create_task(shop.write(made, repository, 1))
    patient = asyncio.create_task(shop.write(made, repository, 2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient
    assert await known(repository) == {"demo-1", "demo-2"}


async def test_a_database_that_takes_no_writes_is_told_to_all_and_tried_again(shop, repository):
    def busy():
        raise OperationalError("database is locked")

    ended = await asyncio.gather(shop.write(busy), shop.write(made, repository, 1), return_exceptions=True)
    assert {type(each) for each in ended} == {OperationalError}
    assert await shop.write(made, repository, 1)


async def test_what_is_committed_is_seen_at_once(shop, repository):
    """Read your writes holds for what is gathered, too."""
    await shop.write(made, repository, 1)
    assert (await shop.reads.token(repository.id, "demo-1")).id
    assert await in_thread(lambda: projects.project(repository.id, "demo-1") is not None)


@postgresql_only("SQLite has one writer at a time")
async def test_who_had_to_give_way_to_another_is_written_after_it(shop, repository):
    """A node that installs must not send its clients elsewhere because another node installs as well."""
    first, second = await in_thread(made, repository, 1), await in_thread(made, repository, 2)
    ours, theirs = threading.Event(), threading.Event()

    def change(number):
        Project.objects.filter(id=number).update(serial=F("serial") + 1)

    def other():
        with transaction.atomic(), connection.cursor() as cursor:
            # Whoever looks first finds the deadlock, and gives way.
            cursor.execute("SET LOCAL deadlock_timeout TO '20s'")
            change(second)
            theirs.set()
            assert ours.wait(PATIENCE)
            change(first)

    def change_first():
        change(first)
        ours.set()
        assert theirs.wait(PATIENCE)

    await asyncio.gather(
        in_thread(other),
        shop.write(change_first),
        shop.write(change, second),
        shop.write(made, repository, 3),
    )
    serials = await in_thread(lambda: dict(Project.objects.values_list("name", "serial")))
    assert serials == {"demo-1": 3, "demo-2": 3, "demo-3": 1}


@postgresql_only("SQLite has one writer at a time")
async def test_two_that_write_for_many_do_not_stand_in_each_others_way(shop, repository, monkeypatch):
    """To notice that they do takes PostgreSQL a second, in which nobody gets on."""
    # So none is tried again.
    monkeypatch.setattr(scribe, "is_deadlock", lambda _error: False)
    numbers = [await in_thread(made, repository, number) for number in range(2)]
    begun = threading.Event()

    def change(number, *, wait=None):
        Project.objects.filter(id=number).update(serial=F("serial") + 1)
        if wait is not None:
            begun.set()
            time.sleep(wait)

    def other():
        with fetched_again(many=True):
            change(numbers[1], wait=0.2)
            change(numbers[0])

    beside = asyncio.create_task(in_thread(other))
    await asyncio.to_thread(begun.wait, PATIENCE)
    await asyncio.gather(*[shop.write(change, number) for number in numbers])
    await beside
