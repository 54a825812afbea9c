"""What an engine of jobs is told: of what was committed, and of nothing else; and that it may err."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.db import transaction

from localshop.catalog import queue
from localshop.catalog.models import Job
from localshop.jobs import workshop as workshops
from localshop.jobs.registry import PERIODIC
from localshop.jobs.workshop import Workshop

NOW = 1_800_000_000.0


@pytest.fixture
def told(tables, monkeypatch):
    """The ids that the engine was told."""
    ids = []
    monkeypatch.setattr(queue, "_engine", lambda: ids.append)
    return ids


def ask(key="a", *, now=NOW, **more):
    queue.enqueue("work", key, payload={}, now=now, **more)


def only_job():
    return Job.objects.get()


def test_the_engine_is_told_of_a_job_after_the_commit(told):
    """Told before, a worker would look for a row that nobody else can see, and forget it."""
    with transaction.atomic():
        ask()
        assert told == []
    assert told == [only_job().id]


def test_a_job_that_was_rolled_back_is_not_told_of(told):
    with transaction.atomic():
        ask()
        transaction.set_rollback(True)
    assert told == []


def test_who_asks_for_what_waits_already_costs_no_message(told):
    ask()
    ask()
    assert told == [only_job().id]


def test_an_engine_that_fails_fails_no_request(tables, monkeypatch):
    def broken(_job_id):
        raise ConnectionError

    monkeypatch.setattr(queue, "_engine", lambda: broken)
    ask()
    assert only_job().state == "waiting"


def test_a_failed_job_that_is_wanted_again_is_told_of(told):
    ask()
    claim = queue.claim("one", now=NOW, names=["work"])
    queue.failed(claim, "No.", now=NOW, final=True)
    told.clear()
    ask(insist=True)
    assert told == [claim.id]
    claim = queue.claim("one", now=NOW, names=["work"])
    queue.failed(claim, "No.", now=NOW, final=True)
    told.clear()
    queue.retry(claim.id, now=NOW)
    assert told == [claim.id]


def test_a_job_that_a_worker_gives_back_is_told_of(told):
    ask()
    claim = queue.claim("one", now=NOW, names=["work"])
    told.clear()
    queue.give_back(claim, now=NOW)
    assert told == [claim.id]


def test_a_message_claims_its_own_job_and_no_other(told):
    ask("a")
    ask("b")
    claim = queue.claim("one", now=NOW, names=["work"], only=told[1])
    assert (claim.id, claim.key) == (told[1], "b")
    assert queue.claim("two", now=NOW, names=["work"], only=told[1]) is None
    assert queue.claim("two", now=NOW, names=["other"], only=told[0]) is None


def test_what_no_message_leads_to_is_found(told):
    """A retry that is due, and a job whose worker died: of neither was anybody told."""
    for key in "abcd":
        ask(key, priority=int(key == "a"))
    queue.claim("dead", now=NOW, names=["work"], only=told[1])
    held = queue.claim("alive", now=NOW, names=["work"], only=told[2])
    late = NOW + queue.LEASE + 1
    queue.heartbeat("alive", [held.id], now=late)
    assert queue.due(now=late, names=["work"], most=9) == [told[1], told[3], told[0]]
    assert queue.due(now=late, names=["work"], most=1) == [told[1]]


@pytest.fixture
def work(monkeypatch, repository):
    """A job that tells when it is begun, and waits until it may end."""

    class Work:
        begun = 0
        go_on = threading.Event()

        async def __call__(self, _shop, _payload):
            self.begun += 1
            await asyncio.to_thread(self.go_on.wait, 20)

    one = Work()
    monkeypatch.setattr(workshops, "jobs", lambda **_: {"work": one})
    yield one
    one.go_on.set()


@pytest.fixture
def workshop(work):
    made = Workshop()
    yield made
    made.close()


def test_a_message_that_comes_twice_does_a_job_once(told, workshop, work):
    ask(now=1.0)
    (job_id,) = told
    doing = [threading.Thread(target=workshop.do, args=[job_id]) for _ in range(2)]
    for thread in doing:
        thread.start()
    work.go_on.set()
    for thread in doing:
        thread.join(20)
    workshop.do(job_id)
    assert (work.begun, Job.objects.count()) == (1, 0)


def test_a_long_job_stays_with_its_workshop(told, work, monkeypatch):
    monkeypatch.setattr(queue, "LEASE", 0.6)
    one, two = Workshop(), Workshop()
    try:
        ask(now=1.0)
        doing = threading.Thread(target=one.do, args=told)
        doing.start()
        while not work.begun:
            doing.join(0.01)
        for _ in range(15):
            # As often as a look would send it.
            two.do(told[0])
            threading.Event().wait(0.1)
        work.go_on.set()
        doing.join(20)
        assert (work.begun, Job.objects.count()) == (1, 0)
    finally:
        one.close()
        two.close()


def test_what_a_workshop_does_when_it_closes_is_given_back(told, workshop, work):
    """A worker that is ended in a job must not keep others from it until its lease has run out."""
    ask(now=1.0)
    doing = threading.Thread(target=workshop.do, args=told)
    doing.start()
    while not work.begun:
        doing.join(0.01)
    workshop.close()
    doing.join(20)
    assert (only_job().state, only_job().attempts, only_job().worker) == ("waiting", 0, "")


def test_periodic_jobs_are_found_by_looking(workshop):
    """Nobody asks for them, and without their rows nothing would ever be tidied."""
    workshop.due(9, since=0)
    assert {job.name for job in Job.objects.all()} == set(PERIODIC)
