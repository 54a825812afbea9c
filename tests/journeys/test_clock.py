"""A clock that is set: by years, forward or back, and right again. Nothing of that may last.

It happens when a machine starts with a dead battery, when a virtual one wakes, and when NTP is wrong.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from distributions import wheel
from localshop import config
from localshop.catalog import (
    blobs,
    downloads,
    guessing,
    holds,
    journal,
    people,
    policies,
    queue,
    repositories,
)
from localshop.catalog.journal import Actor
from localshop.catalog.models import Blob, Download, Event, Job, State
from localshop.catalog.records import Given, Refused, Tally
from localshop.errors import TooManyTries
from localshop.index.refusals import write_refusals
from localshop.jobs.runner import Runner
from localshop.jobs.tidy import tidy
from localshop.mirror.file import write_uses
from localshop.mirror.sweep import sweep
from localshop.policies.rules import read
from localshop.shop import open_shop
from pages import JSON, filenames, settled
from stored_files import path_of, put
from threads import in_thread

DAY = 86_400
YEAR = 365 * DAY
PAGE = "/repo/default/demo/"
AWAY = "203.0.113.9"


def url_of(held):
    return f"/repo/default/{held.distribution.path}"


def ago(**before):
    return f"{datetime.now(UTC) - timedelta(**before):%Y-%m-%dT%H:%M:%S.%fZ}"


async def cooldown(days):
    await in_thread(
        policies.save_rules, "default", read({"cooldown": {"days": days}}), actor=Actor("test", AWAY)
    )


async def stream():
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})


@pytest.fixture
def shop(browser):
    return browser.application._shop


@pytest.mark.parametrize("jump", [DAY, YEAR, -YEAR])
async def test_no_page_stays_fresh_longer_than_it_should(browser, upstream, clock, jump):
    """A page that is fresh "until next year" would hide a security release until then."""
    upstream.add(wheel("demo", "1.0"))
    clock.set(jump)
    await browser.get(PAGE, headers=JSON)
    clock.set(-jump)
    clock.forward(700)
    upstream.add(wheel("demo", "2.0"))
    await browser.get(PAGE, headers=JSON)
    await settled(browser)

    assert len(filenames(await browser.get(PAGE, headers=JSON))) == 2


async def test_a_new_file_is_looked_for_though_its_page_seems_to_be_of_next_year(browser, upstream, clock):
    """A lock file names it, and 404 would be wrong."""
    upstream.add(wheel("demo", "1.0"))
    clock.set(YEAR)
    await browser.get(PAGE)
    clock.set(-YEAR)
    held = upstream.add(wheel("demo", "2.0"))
    clock.forward(15)

    assert (await browser.get(url_of(held))).status == 302


async def test_a_name_that_nobody_had_is_asked_for_again_a_minute_later(browser, upstream, clock):
    clock.set(YEAR)
    assert (await browser.get(PAGE)).status == 404
    clock.set(-YEAR)
    upstream.add(wheel("demo", "1.0"))
    clock.forward(61)

    assert (await browser.get(PAGE)).status == 200


async def test_an_upstream_that_wanted_to_be_left_alone_is_asked_again(browser, upstream, clock):
    """It said half a minute, and its breaker counts on a clock that nobody sets; so must whoever asks."""
    upstream.add(wheel("demo", "1.0"))
    upstream.fault("/simple/*", status=429, retry_after="1")
    clock.set(YEAR)
    assert (await browser.get(PAGE)).status == 503
    clock.set(-YEAR)
    upstream.heal()
    clock.forward(2)
    async with asyncio.timeout(20):
        while (await browser.get(PAGE)).status != 200:
            await asyncio.sleep(0.05)


async def test_a_release_is_out_early_only_while_the_clock_runs_ahead(browser, upstream, clock):
    """Nobody can tell a wrong clock from a right one; but the page of then is not served from then on."""
    held = upstream.add(wheel("demo", "1.0"), upload_time=ago(hours=1))
    await cooldown(3)
    clock.set(YEAR)
    assert filenames(await browser.get(PAGE, headers=JSON)) == [held.filename]
    await settled(browser)
    clock.set(-YEAR)

    assert filenames(await browser.get(PAGE, headers=JSON)) == []
    assert (await browser.get(url_of(held))).status == 403


@pytest.mark.parametrize("told", ["", "2199-01-01T00:00:00.000000Z"])
async def test_what_was_first_seen_in_1970_is_not_released_when_the_clock_is_right(
    browser, upstream, clock, told
):
    """The upstream gives no time that can be believed, so it counts from when we first saw the file."""
    held = upstream.add(wheel("demo", "1.0"), upload_time=told)
    upstream.upload_times = "always" if told else "never"
    await cooldown(3)
    now = time.time()
    clock.set(-now)
    assert filenames(await browser.get(PAGE, headers=JSON)) == []
    await settled(browser)
    clock.set(now)
    clock.forward(2 * DAY)
    assert filenames(await browser.get(PAGE, headers=JSON)) == []
    assert (await browser.get(url_of(held))).status == 403
    clock.forward(2 * DAY)

    assert filenames(await browser.get(PAGE, headers=JSON)) == [held.filename]


async def test_what_was_first_seen_next_year_does_not_wait_until_then(browser, upstream, clock):
    held = upstream.add(wheel("demo", "1.0"))
    upstream.upload_times = "never"
    await cooldown(3)
    clock.set(YEAR)
    await browser.get(PAGE, headers=JSON)
    await settled(browser)
    clock.set(-YEAR)
    # The upstream says that its page is as it was; when we first saw the file is found out all the same.
    await browser.get(PAGE, headers=JSON)
    await settled(browser)
    clock.forward(4 * DAY)
    await browser.get(PAGE, headers=JSON)
    await settled(browser)

    assert filenames(await browser.get(PAGE, headers=JSON)) == [held.filename]
    await settled(browser)
    assert upstream.seen("/simple/demo/")[-1].headers.get("If-None-Match")


NOW = 1_800_000_000.0


def ask(*, now):
    queue.enqueue("work", "a", payload={}, now=now)


def claimed(now):
    return queue.claim("one", now=now, names=["work"])


@pytest.mark.parametrize("jump", [2 * 3600, YEAR])
def test_a_job_that_was_asked_for_next_year_is_done_now(tables, jump):
    ask(now=NOW + jump)
    assert claimed(NOW)


def test_a_job_that_is_to_be_tried_again_next_year_is_tried_now(tables):
    ask(now=NOW + YEAR)
    assert not queue.failed(claimed(NOW + YEAR), "It did not work.", now=NOW + YEAR)
    assert claimed(NOW)


def test_a_job_that_comes_back_by_itself_does_not_wait_for_next_year(tables):
    """Else nothing is swept or tidied for a year."""
    queue.enqueue("work", "a", payload={}, now=NOW + YEAR, every=3600)
    queue.done(claimed(NOW + YEAR), now=NOW + YEAR)
    assert claimed(NOW)


def test_a_job_that_failed_next_year_gets_another_chance_now(tables):
    ask(now=NOW + YEAR)
    queue.failed(claimed(NOW + YEAR), "It is gone.", now=NOW + YEAR, final=True)
    ask(now=NOW)
    assert claimed(NOW)


def test_a_job_whose_worker_died_next_year_is_not_held_by_it(tables):
    ask(now=NOW + YEAR)
    first = claimed(NOW + YEAR)
    assert claimed(NOW) is None
    again = queue.claim("two", now=NOW + queue.LEASE, names=["work"])
    assert (again.id, again.attempts) == (first.id, 2)


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_a_job_that_runs_while_the_clock_is_set_is_not_begun_twice(repository, monkeypatch, jump):
    """All leases have run out at once, and nobody has died: an alarm would be mailed twice."""
    monkeypatch.setattr(queue, "LEASE", 2.0)
    begun, ahead, go_on = 0, 0.0, asyncio.Event()

    async def long(_shop, _payload):
        nonlocal begun
        begun += 1
        await go_on.wait()

    shops = [open_shop(config.current()) for _ in range(2)]
    for one in shops:
        one.now = lambda: time.time() + ahead
    await in_thread(queue.enqueue, "long", "a", payload={}, now=time.time())
    runners = [Runner(one, {"long": long}, poll=0.01) for one in shops]
    running = [asyncio.create_task(one.run()) for one in runners]
    async with asyncio.timeout(20):
        while not begun:
            await asyncio.sleep(0.01)
        ahead = jump
        # Somebody who waits for the job has looked, and its worker has said that he lives.
        for doubted in (True, False):
            while await in_thread(Job.objects.filter(name="long", doubted=doubted).count) == 0:
                await asyncio.sleep(0.01)
        go_on.set()
        while await in_thread(Job.objects.filter(name="long").exists):
            await asyncio.sleep(0.01)
    for one in runners:
        one.stop()
    await asyncio.gather(*running)
    for one in shops:
        await one.close()
    assert begun == 1


def test_beat_goes_on_though_the_clock_was_set_back(monkeypatch):
    """With Celery it is what finds jobs that are to be tried again, and those whose message was lost."""
    from localshop.jobs.engine import app
    from localshop.jobs.steady_beat import SteadyBeat

    sent, steady = [], 0.0
    beat = SteadyBeat(app, lazy=False)
    monkeypatch.setattr(beat, "apply_entry", lambda entry, **_: sent.append(entry.task))
    monkeypatch.setattr(SteadyBeat, "producer", None)
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0 + steady)
    assert 0 < beat.tick() <= beat.max_interval
    beat.tick()
    assert sent == ["localshop.look"]
    monkeypatch.setattr(time, "time", lambda: NOW - YEAR)
    steady = beat.max_interval
    beat.tick()
    assert sent == ["localshop.look"] * 2


def test_passwords_that_were_wrong_next_year_shut_nobody_out(tables):
    people.create_user("alice", password="open sesame please")
    for number in range(guessing.TRIES):
        guessing.failed("alice", address=AWAY, now=NOW + YEAR + number)
    with pytest.raises(TooManyTries):
        guessing.check("alice", address=AWAY, now=NOW + YEAR + 10)
    assert guessing.verified("alice", "open sesame please", address=AWAY, now=NOW)
    guessing.failed("alice", address=AWAY, now=NOW)
    assert guessing.FailedTry.objects.filter(at__gt=NOW).count() == 0


async def test_refusals_are_told_of_after_a_flood_of_them_next_year(shop, clock):
    """Else nobody would see in the journal who tries to get in."""
    clock.set(YEAR)
    for batch in range(14):
        for number in range(50):
            shop.refusals.note(Refused("no-right", "default", address=f"{batch}.{number}"), shop.now())
        await write_refusals(shop)
    clock.set(-YEAR)
    clock.forward(3600)
    shop.refusals.note(Refused("no-right", "default", address=AWAY), shop.now())
    await write_refusals(shop)

    assert await in_thread(Event.objects.filter(address=AWAY).count) == 1


def test_a_backup_that_was_killed_next_year_keeps_no_bytes(tables, monkeypatch):
    """Nothing could be swept for a year, and the disk would fill."""
    monkeypatch.setattr(time, "time", lambda: NOW + YEAR)
    holds.begin()
    monkeypatch.setattr(time, "time", lambda: NOW)
    # It may be that the clock was set while it runs: it has its time to say so.
    assert holds.held()
    monkeypatch.setattr(time, "time", lambda: NOW + holds.LEASE + 1)
    assert not holds.held()


async def test_what_was_used_next_year_makes_room_in_its_turn(browser, upstream, shop, clock):
    """Else a file that somebody had once would stay, and one that all need would go."""
    await stream()
    once, often = (
        upstream.add(wheel("once", "1.0", size=9000)),
        upstream.add(wheel("often", "1.0", size=9000)),
    )
    for held in (once, often):
        await browser.get(url_of(held))
    clock.set(YEAR)
    await browser.get(url_of(once))
    await write_uses(shop)
    clock.set(-YEAR)
    await in_thread(sweep, shop, limit=10**6)
    await in_thread(sweep, shop, limit=len(once.body) + len(often.body))
    await in_thread(blobs.used_at_last, shop.now())
    clock.forward(3600)
    await browser.get(url_of(often))
    await write_uses(shop)
    await in_thread(sweep, shop, limit=len(often.body))

    assert [path_of(shop, one.distribution).exists() for one in (once, often)] == [False, True]


async def test_leftovers_of_next_year_are_swept(browser, shop, repository):
    def leave_and_sweep():
        body, other, next_year = b"orphan", b"unreferenced", time.time() + YEAR
        orphan = shop.store.local_path(put(shop, body, known=False))
        unreferenced = put(shop, other)
        part = shop.store.scratch / "left.part"
        part.write_bytes(b"part")
        for path in (orphan, part):
            os.utime(path, (next_year, next_year))
        Blob.objects.filter(id=unreferenced.id).update(created=datetime.now(UTC) + timedelta(days=365))
        return sweep(shop, limit=None), orphan.exists(), part.exists()

    swept, orphan, part = await in_thread(leave_and_sweep)
    assert (swept.orphans, swept.unreferenced, swept.parts) == (1, 1, 1)
    assert not orphan
    assert not part


async def test_a_clock_that_runs_ahead_for_hours_does_not_make_all_of_the_past_too_old(shop, clock):
    """Who had which file is what one asks after bad news, and it cannot be had again."""
    today = downloads.day_number(shop.now())
    amounts = {today - age: age + 1 for age in (1, 200, 360)}

    def note_all():
        for day, amount in amounts.items():
            one = Given(day, "default", "aa/bb/cc", "demo-1.0.tar.gz", "", "", AWAY, "pip")
            downloads.note({one: Tally(amount, day * 86_400.0 + 60)})
        for age in (1, 80):
            old = {Refused("no-right", "default", address=f"192.0.2.{age}"): Tally(1, shop.now() - age * DAY)}
            journal.note_refusals(old)

    await in_thread(note_all)
    await tidy(shop, {})
    clock.set(10 * YEAR)
    for _ in range(3):
        await tidy(shop, {})
    clock.set(-10 * YEAR)
    await tidy(shop, {})
    assert await in_thread(Download.objects.count) == 3
    assert await in_thread(Event.objects.filter(address__in=("192.0.2.1", "192.0.2.80")).count) == 2

    # As time goes by it is forgotten as ever.
    for _ in range(20):
        clock.forward(DAY)
        await tidy(shop, {})
    assert await in_thread(Download.objects.count) == 2
    # Nor does it begin in 1970 because the clock had fallen back to there.
    now = shop.now()
    clock.set(-now)
    await tidy(shop, {})
    clock.set(now)
    await tidy(shop, {})
    assert await in_thread(lambda: now - State.objects.get(id=1).tidied) < DAY


async def test_who_logged_in_next_year_is_not_logged_in_until_then(shop):
    def begin():
        session = SessionStore()
        session.set_expiry(datetime.now(UTC) + timedelta(days=365))
        session.save()

    await in_thread(begin)
    await tidy(shop, {})
    ends = await in_thread(lambda: Session.objects.get().expire_date)
    assert ends <= datetime.now(UTC) + timedelta(seconds=settings.SESSION_COOKIE_AGE)


async def test_who_is_logged_in_stays_so_though_the_clock_ran_ahead_for_an_hour(shop, clock):
    await in_thread(lambda: SessionStore().save())
    await tidy(shop, {})
    clock.set(YEAR)
    await tidy(shop, {})
    clock.set(-YEAR)
    assert await in_thread(Session.objects.count) == 1
