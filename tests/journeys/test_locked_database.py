"""A database that is held from outside: what waits, what goes on, and what is told."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from django.conf import settings
from django.db import OperationalError, connections, transaction

import holders
from databases import sqlite_only
from distributions import wheel
from localshop.catalog import credentials, patience, repositories
from localshop.catalog.models import Repository
from localshop.catalog.sqlite import base
from threads import in_thread

pytestmark = sqlite_only("it has one writer at a time")
DATABASE = settings.DATABASES["default"]["NAME"]
AWAY = "203.0.113.9"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE", 2.0)


@pytest.fixture
def demo(upstream):
    return upstream.add(wheel("Demo", "1.0"))


async def bring_home(browser, held):
    """Have a file, and the page of its project, lie ready."""
    url = f"/repo/default/{held.distribution.path}"
    for path in (url, "/repo/default/demo/"):
        assert (await browser.get(path)).status == 200
    return url


@pytest.fixture
async def streaming(browser, repository):
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})
    return browser


async def test_who_has_to_write_waits_and_succeeds(streaming, demo, upstream):
    """A backup or an administrator's look at the database takes seconds; no build may fail of it."""
    url = await bring_home(streaming, demo)
    upstream.add(wheel("Other", "1.0"))
    with holders.writing(DATABASE) as let_go:
        waiting = asyncio.create_task(streaming.get("/repo/default/other/"))
        for _ in range(10):
            assert (await streaming.get("/repo/default/demo/")).status == 200
            assert (await streaming.get(url)).body == demo.body
            await asyncio.sleep(0.1)
        assert not waiting.done()
        await asyncio.to_thread(let_go)
        assert (await waiting).status == 200


@pytest.mark.parametrize("held", [holders.writing, holders.standing])
async def test_when_it_stays_locked_writers_are_told_and_readers_served(
    streaming, demo, upstream, impatient, held
):
    """However many wait, none of them waits for the others' patience, and none in the way of a reader."""
    url = await bring_home(streaming, demo)
    names = [f"other-{number}" for number in range(40)]
    for name in names:
        upstream.add(wheel(name, "1.0"))
    key, secret = await in_thread(make_credential)
    with held(DATABASE):
        begin = time.monotonic()
        waiting = [asyncio.create_task(streaming.get(f"/repo/default/{name}/")) for name in names]
        await asyncio.sleep(0.3)
        # This credential has to be read, in a thread, while all who write wait in theirs.
        answer = await streaming.get("/repo/default/demo/", auth=(key, secret), peer=AWAY)
        assert answer.status == 200
        assert (await streaming.get("/repo/default/")).status == 200
        assert (await streaming.get(url)).body == demo.body
        assert not any(task.done() for task in waiting)
        answers = await asyncio.gather(*waiting)
        assert {answer.status for answer in answers} == {503}
        assert {answer.headers["x-localshop-refusal"] for answer in answers} == {"database-busy"}
        assert 1 <= int(answers[0].headers["retry-after"]) <= 5
        # One after the other in eight threads they would wait for ten seconds.
        assert time.monotonic() - begin < 8
    assert (await streaming.get("/repo/default/other-1/")).status == 200


def make_credential():
    row, secret = credentials.create_credential()
    return row.access_key, secret


async def test_times_of_last_use_are_not_lost(streaming, demo, impatient):
    key, secret = await in_thread(make_credential)
    await bring_home(streaming, demo)
    gate = streaming.application._gate
    assert (await streaming.get("/repo/default/demo/", auth=(key, secret))).status == 200
    with holders.writing(DATABASE), pytest.raises(OperationalError):
        await gate.write_uses()
    await gate.write_uses()
    assert [row.last_used is not None for row in await in_thread(credentials.every_credential)] == [True]


def test_a_reader_who_never_ends_does_not_hold_up_writers(tables, monkeypatch):
    """The log cannot be cut while somebody reads an old state of it; each commit would wait for him."""
    monkeypatch.setattr(base, "WAL_LIMIT", 1)
    with holders.reading(DATABASE):
        begin = time.monotonic()
        for number in range(20):
            with transaction.atomic():
                Repository.objects.create(slug=f"r{number}")
        assert time.monotonic() - begin < 5
    connections.close_all()


def test_writers_of_one_process_each_get_their_turn(tables):
    """With SQLite's own waiting, one of four writers waits for seconds."""
    longest = []

    def write(number):
        try:
            for turn in range(50):
                begin = time.monotonic()
                with transaction.atomic():
                    Repository.objects.create(slug=f"r{number}-{turn}")
                longest.append(time.monotonic() - begin)
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert Repository.objects.count() == 400
    assert max(longest) < patience.PATIENCE / 2
    connections.close_all()


def test_a_write_that_is_given_up_leaves_the_turn_to_the_next(tables, impatient):
    with holders.writing(DATABASE):
        for _ in range(2):
            with pytest.raises(OperationalError, match="locked"), transaction.atomic():
                pass
    with transaction.atomic():
        Repository.objects.create(slug="later")
    connections.close_all()
