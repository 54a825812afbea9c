"""What is done behind the requests: done once, tried again, given up in plain sight, never lost."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.utils import timezone

from distributions import wheel
from fake_upstream import flipped
from localshop import config
from localshop.catalog import projects, queue, repositories
from localshop.catalog.models import Job
from localshop.errors import UpstreamUnavailable
from localshop.jobs.registry import PERIODIC, jobs
from localshop.jobs.runner import Runner
from localshop.jobs.tidy import KEPT, tidy
from localshop.mirror.file import MIRROR_FILE
from localshop.shop import open_shop
from localshop.storage.parts import remove_old_parts


class Workshop:
    """A process that does jobs, as a value: its shop with a clock that can be set forward."""

    def __init__(self, shop):
        self.shop = shop
        self.ahead = 0.0
        real = shop.now
        shop.now = lambda: real() + self.ahead

    async def left(self):
        return [job for job in await self.shop.run(_rows) if not job.every]

    @contextlib.asynccontextmanager
    async def working(self, known=None, *, grace=5.0):
        runner = Runner(self.shop, jobs(offline=False) if known is None else known, poll=0.01)
        running = asyncio.create_task(runner.run(grace=grace))
        try:
            yield runner
        finally:
            runner.stop()
            await running

    async def until(self, condition):
        """Wait until ``condition(jobs that are left)`` holds."""
        async with asyncio.timeout(20):
            while not condition(await self.left()):
                await asyncio.sleep(0.01)

    async def drain(self, known=None):
        """Do all there is to do now."""
        async with self.working(known):
            await self.until(lambda left: not any(self._is_to_be_done(job) for job in left))
        return await self.left()

    async def silence(self):
        """Let so much time go by that whoever was killed with a job has lost it."""
        self.ahead += queue.LEASE + 1
        # Who looks doubts it, and looks again.
        assert await self.shop.run(queue.claim, "", now=self.shop.now(), names=["deadly"]) is None
        self.ahead += queue.LEASE

    def _is_to_be_done(self, job):
        return job.state == "running" or (job.state == "waiting" and job.run_after <= self.shop.now())

    async def ask(self, name, key="a", **payload):
        await self.shop.run(queue.enqueue, name, key, payload=payload, now=self.shop.now())


@pytest.fixture
async def workshop(repository):
    shop = open_shop(config.current())
    yield Workshop(shop)
    await shop.close()


@pytest.fixture
async def asked(browser, upstream):
    """A wheel that a client asked for and was sent upstream for, with its URL here."""
    held = upstream.add(wheel("Demo", "1.0", size=200_000))
    page = await browser.get("/repo/default/demo/?format=application/vnd.pypi.simple.v1+json")
    (record,) = page.json()["files"]
    answer = await browser.get(record["url"])
    assert answer.status == 302
    upstream.forget()
    return held, record["url"]


async def test_a_file_that_was_asked_for_is_brought_home(workshop, asked, browser, upstream):
    held, url = asked
    await browser.get(url)
    assert await workshop.drain() == []
    answer = await browser.get(url)
    assert (answer.status, answer.body) == (200, held.body)
    assert upstream.count("/packages/*.whl") == 1


async def test_a_file_whose_row_is_gone_is_no_failure(workshop):
    await workshop.ask(MIRROR_FILE, file=4711)
    assert await workshop.drain() == []


async def test_a_file_whose_upstream_was_taken_away_is_no_failure(workshop, asked, upstream):
    await workshop.shop.run(repositories.edit_repository, "default", upstreams=[], changes={})
    assert await workshop.drain() == []
    assert upstream.count() == 0


async def test_a_name_that_was_reserved_since_is_not_told_to_the_upstream(workshop, asked, upstream):
    await workshop.shop.run(
        repositories.edit_repository, "default", upstreams=None, changes={"reserved": ["demo"]}
    )
    assert await workshop.drain() == []
    assert upstream.count() == 0


async def test_a_quarantined_file_is_not_fetched(workshop, asked, repository, upstream):
    await workshop.shop.run(
        projects.save_findings,
        repository.id,
        "demo",
        findings=[],
        now=workshop.shop.now(),
        fresh_until=workshop.shop.now() + 600,
        listed=True,
        status="quarantined",
    )
    assert await workshop.drain() == []
    assert upstream.count() == 0


async def test_damaged_bytes_are_told_of_and_fetched_again_later(workshop, asked, browser, upstream):
    held, url = asked
    upstream.fault("/packages/*", change=flipped)
    (job,) = await workshop.drain()
    assert job.state == "waiting"
    assert held.distribution.sha256 in job.error
    assert (await browser.get(url)).status == 302
    upstream.heal()
    workshop.ahead += queue.DELAYS[0]
    assert await workshop.drain() == []
    assert (await browser.get(url)).body == held.body


async def test_a_file_that_is_gone_upstream_has_failed_at_once(workshop, asked, upstream):
    held, _ = asked
    upstream.remove(held.filename)
    (job,) = await workshop.drain()
    assert (job.state, job.attempts) == ("failed", 1)
    assert held.filename in job.error


async def test_a_file_where_we_may_not_go_has_failed_at_once(workshop, browser, upstream):
    """An upstream could make us fetch from inside our own network."""
    upstream.add(wheel("Demo", "1.0"))
    upstream.file_base = "http://127.0.0.2:9"
    page = await browser.get("/repo/default/demo/?format=application/vnd.pypi.simple.v1+json")
    (record,) = page.json()["files"]
    await browser.get(record["url"])
    (job,) = await workshop.drain()
    assert (job.state, job.attempts) == ("failed", 1)
    assert "127.0.0.2" in job.error


async def test_nothing_is_lost_while_no_upstream_may_be_asked(workshop, asked, upstream):
    async with workshop.working(jobs(offline=True)):
        await asyncio.sleep(0.1)
    (job,) = await workshop.left()
    assert (job.state, job.attempts, upstream.count()) == ("waiting", 0, 0)


async def test_a_failing_job_is_given_up_in_plain_sight(workshop, caplog):
    async def fails(_shop, _payload):
        raise UpstreamUnavailable("It did not answer.")

    await workshop.ask("fails")
    for attempt, delay in enumerate((*queue.DELAYS, 0), start=1):
        (job,) = await workshop.drain({"fails": fails})
        assert (job.attempts, job.error) == (attempt, "It did not answer.")
        workshop.ahead += delay
    assert job.state == "failed"
    assert "Traceback" not in caplog.text


async def test_a_bug_in_a_job_is_logged_and_ends_no_other_job(workshop, caplog):
    async def buggy(_shop, payload):
        payload["no such key"]

    async def fine(_shop, _payload):
        pass

    await workshop.ask("buggy", "1")
    await workshop.ask("fine", "2")
    (job,) = await workshop.drain({"buggy": buggy, "fine": fine})
    assert (job.name, job.state, job.error) == ("buggy", "waiting", "KeyError: 'no such key'")
    assert "Traceback" in caplog.text


async def test_a_job_that_kills_its_process_is_not_tried_for_ever(workshop):
    await workshop.ask("deadly")
    for number in range(len(queue.DELAYS) + 1):
        claim = await workshop.shop.run(
            queue.claim, f"dead {number}", now=workshop.shop.now(), names=["deadly"]
        )
        assert claim is not None
        await workshop.silence()
    done = []

    async def deadly(_shop, _payload):
        done.append(1)

    (job,) = await workshop.drain({"deadly": deadly})
    assert (job.state, done) == ("failed", [])
    assert "died" in job.error


async def test_eight_jobs_run_at_once_and_no_more(workshop):
    running, most = 0, 0
    go_on = asyncio.Event()

    async def waits(_shop, _payload):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go_on.wait()
        running -= 1

    for number in range(12):
        await workshop.ask("waits", str(number))
    async with workshop.working({"waits": waits}):
        await workshop.until(lambda left: sum(job.state == "running" for job in left) == 8)
        await asyncio.sleep(0.05)
        go_on.set()
        await workshop.until(lambda left: left == [])
    assert most == 8


async def test_a_long_job_stays_with_its_worker(workshop, monkeypatch):
    monkeypatch.setattr(queue, "LEASE", 0.6)
    begun = 0

    async def long(_shop, _payload):
        nonlocal begun
        begun += 1
        await asyncio.sleep(1.5)

    await workshop.ask("long")
    async with workshop.working({"long": long}), workshop.working({"long": long}):
        await workshop.until(lambda left: left == [])
    assert begun == 1


async def test_what_runs_is_finished_when_the_process_ends(workshop):
    begun, done = asyncio.Event(), []

    async def short(_shop, _payload):
        begun.set()
        await asyncio.sleep(0.1)
        done.append(1)

    await workshop.ask("short")
    async with workshop.working({"short": short}):
        await begun.wait()
    assert (done, await workshop.left()) == ([1], [])


async def test_what_does_not_end_in_time_is_given_back_and_gone_on_with(workshop, asked, browser, upstream):
    held, url = asked
    upstream.fault("/packages/*", drip=100_000, times=1)
    ending = Workshop(open_shop(config.current()))
    async with ending.working(grace=0.05):
        await ending.until(lambda _: any(part.stat().st_size for part in _parts(ending)))
    await ending.shop.close()
    (job,) = await workshop.left()
    assert (job.state, job.attempts, job.worker) == ("waiting", 0, "")
    assert len(_parts(workshop)) == 1
    assert (await browser.get(url)).status == 302
    assert await workshop.drain() == []
    assert (await browser.get(url)).body == held.body
    assert "Range" in upstream.seen("/packages/*.whl")[-1].headers


async def test_a_database_that_is_away_for_a_moment_costs_no_job(workshop, monkeypatch):
    real = {name: getattr(queue, name) for name in ("is_due", "claim", "done")}
    away = dict.fromkeys(real, 1)

    def flaky(name):
        def call(*args, **kwargs):
            if away[name]:
                away[name] -= 1
                raise OperationalError("the database is away")
            return real[name](*args, **kwargs)

        return call

    done = []

    async def short(_shop, _payload):
        done.append(1)

    await workshop.ask("short")
    for name in real:
        monkeypatch.setattr(queue, name, flaky(name))
    async with workshop.working({"short": short}):
        await workshop.until(lambda left: left == [])
    assert (done, set(away.values())) == ([1], {0})


async def test_periodic_jobs_are_there_once_however_often_it_starts(workshop):
    for _ in range(2):
        async with workshop.working():
            async with asyncio.timeout(20):
                while not await _rested(workshop):
                    await asyncio.sleep(0.01)
    rows = await workshop.shop.run(_rows)
    assert {job.name: job.every for job in rows} == dict(PERIODIC)
    assert all(job.run_after > workshop.shop.now() + 3000 for job in rows)


async def test_parts_that_nobody_goes_on_with_are_removed(workshop, tmp_path):
    now = workshop.shop.now()
    for name, age in {
        "old.part": KEPT + 9,
        "held.part": KEPT + 9,
        "new.part": 9,
        "commit-aa.lock": KEPT + 9,
    }.items():
        (tmp_path / name).write_bytes(b"some bytes")
        os.utime(tmp_path / name, (now - age, now - age))
    with (tmp_path / "held.part").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert remove_old_parts(tmp_path, before=now - KEPT) == [10]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["commit-aa.lock", "held.part", "new.part"]


async def test_sessions_that_have_expired_are_removed(workshop):
    def make():
        for days in (-1, 1):
            session = SessionStore()
            session["user"] = days
            session.set_expiry(timezone.now() + timedelta(days=days))
            session.save()

    await workshop.shop.run(make)
    await tidy(workshop.shop, {})
    (left,) = await workshop.shop.run(lambda: list(Session.objects.all()))
    assert left.get_decoded()["user"] == 1


def _rows():
    return list(Job.objects.order_by("id"))


def _parts(workshop):
    return list(workshop.shop.store.scratch.glob("*.part"))


async def _rested(workshop):
    """Whether the periodic jobs have been done and wait for their next time."""
    rows = await workshop.shop.run(_rows)
    return bool(rows) and all(job.state == "waiting" and job.run_after > workshop.shop.now() for job in rows)
