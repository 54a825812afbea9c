"""The job queue. The table is the truth: whoever runs jobs only asks it.

A job is written in the caller's transaction, unique by key while it waits, claimed by a
conditional update with a lease, retried with growing delays, and at last failed in plain sight.

There may be an engine that runs jobs (``settings.JOB_ENGINE``, the dotted path of a function). It is
told the id of a job that can be claimed, after the commit, and may forget it: ``due`` finds the row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.utils.module_loading import import_string

from localshop.errors import BadInput

from .durability import fetched_again
from .inserts import insert
from .models import Job
from .records import JobRecord

LEASE = 10.0
"""Seconds for which a claim is good without a heartbeat; then it is doubted for half as long."""
DELAYS = (2.0, 10.0, 60.0, 300.0, 1800.0)
"""Seconds before each further attempt; after the last one the job has failed."""
_REVIVE_AFTER = 300.0
_APART = 60.0
"""Seconds by which clocks of several machines may differ."""

# Each half by an index of its own.
_STATES = """
    SELECT state FROM catalog_job WHERE key = %s AND state = 'waiting' UNION ALL
    SELECT state FROM catalog_job WHERE key = %s AND state = 'failed'
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this worker, and no other, may run until its lease ends."""

    id: int
    name: str
    key: str
    payload: dict[str, object]
    attempts: int
    worker: str


def enqueue(
    name: str,
    key: str,
    *,
    payload: Mapping[str, object],
    now: float,
    priority: int = 0,
    every: int = 0,
    insist: bool = False,
) -> None:
    """Have a job done, once however often it is asked for.

    One that failed is given another chance when somebody asks again, but not at once, unless a person
    insists.
    """
    if Job.State.WAITING in _states(key):
        return
    with transaction.atomic(savepoint=False):
        if Job.State.FAILED in _states(key):
            failed = Job.objects.filter(key=key, state=Job.State.FAILED)
            long_ago = Q(run_after__lt=now - _REVIVE_AFTER) | Q(run_after__gt=now + _APART)
            rested = failed if insist else failed.filter(long_ago)
            rested.update(state=Job.State.WAITING, attempts=0, run_after=now, payload=dict(payload))
            _tell(key)
            return
        job = Job(name=name, key=key, payload=dict(payload), priority=priority, run_after=now, every=every)
        # Two that ask at the same moment: the unique key lets one row in.
        insert(job)
        _tell(key)


def _states(key: str) -> set[str]:
    """Whether jobs of this key wait, or have failed. Each file of a first installation asks."""
    with connection.cursor() as cursor:
        cursor.execute(_STATES, [key, key])
        return {state for (state,) in cursor.fetchall()}


def claim(worker: str, *, now: float, names: Collection[str], only: int | None = None) -> Claim | None:
    """Take the next job that is due, or one whose worker is silent.

    ``only``: take that job, if it is one of these, or nothing. A power cut may undo it, as it may undo the
    end of the job: then it is done once more.
    """
    with fetched_again():
        _doubt(now)
        rows = _due(now, names, only=only)
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True)
        row = rows.first()
        if row is None:
            return None
        row.state = Job.State.RUNNING
        row.worker = worker
        row.attempts += 1
        row.lease_until = now + LEASE
        row.doubted = False
        row.save()
    return Claim(row.id, row.name, row.key, row.payload, row.attempts, worker)


def is_due(*, now: float, names: Collection[str], only: int | None = None) -> bool:
    """Whether a claim would find anything. Cheap, and takes no write lock."""
    return _due(now, names, only=only).exists()


def due(*, now: float, names: Collection[str], most: int) -> list[int]:
    """The ids of jobs that could be claimed, in the order in which they should be; ``most`` of them."""
    return list(_due(now, names).values_list("id", flat=True)[:most])


def heartbeat(worker: str, ids: Collection[int], *, now: float) -> None:
    """Make the leases of these jobs longer; those that another worker took stay its own."""
    with transaction.atomic():
        _mine(worker, ids).update(lease_until=now + LEASE, doubted=False)


def done(claim: Claim, *, now: float) -> None:
    """The job is done: its row goes, or waits for its next time."""
    with fetched_again():
        row = _mine(claim.worker, [claim.id]).first()
        if row is None:
            return
        if row.every:
            _wait_again(row, run_after=now + row.every, attempts=0, error="")
        else:
            row.delete()


def give_back(claim: Claim, *, now: float) -> None:
    """The worker ends before the job did: another may take it at once, and no attempt is counted."""
    with transaction.atomic():
        row = _mine(claim.worker, [claim.id]).first()
        if row is not None:
            _wait_again(row, run_after=now, attempts=row.attempts - 1, error=row.error)
            _tell(claim.key)


def failed(claim: Claim, error: str, *, now: float, final: bool = False) -> bool:
    """The job did not succeed: it waits for another attempt, or has failed (then True)."""
    with transaction.atomic():
        row = _mine(claim.worker, [claim.id]).first()
        if row is None:
            return False
        if row.every:
            _wait_again(row, run_after=now + row.every, attempts=0, error=error)
            return False
        if not final and row.attempts <= len(DELAYS):
            _wait_again(row, run_after=now + DELAYS[row.attempts - 1], attempts=row.attempts, error=error)
            return False
        row.state = Job.State.FAILED
        row.run_after = now
        row.error = error
        row.save()
        return True


def every_job() -> list[JobRecord]:
    """All jobs that wait, run or have failed."""
    return [_record(row) for row in Job.objects.order_by("id")]


def jobs_by_key(keys: Collection[str]) -> dict[str, JobRecord]:
    """The jobs that wait, run or have failed, of these keys; of two with one key, the one that runs."""
    rows = Job.objects.filter(key__in=keys).order_by("-state")
    return {row.key: _record(row) for row in rows}


def retry(job_id: int, *, now: float) -> JobRecord:
    """Give a failed or delayed job another chance now; the answer is the job that waits for it."""
    with transaction.atomic():
        row = Job.objects.filter(id=job_id).exclude(state=Job.State.RUNNING).first()
        if row is None:
            raise BadInput(f"There is no job {job_id} that could be tried again.")
        key = row.key
        _wait_again(row, run_after=now, attempts=0, error=row.error)
        _tell(key)
        return _record(Job.objects.get(key=key, state=Job.State.WAITING))


def forget(job_id: int) -> None:
    """Take a job that has failed off the list: nobody wants it done any more."""
    with transaction.atomic():
        gone, _ = Job.objects.filter(id=job_id, state=Job.State.FAILED).delete()
    if not gone:
        raise BadInput(f"There is no job {job_id} that has failed.")


def left_to_do() -> tuple[int, int]:
    """How many jobs wait or run, periodic ones left out, and how many have failed."""
    once = Job.objects.filter(every=0)
    return once.exclude(state=Job.State.FAILED).count(), once.filter(state=Job.State.FAILED).count()


def overdue(*, now: float) -> int:
    """How many jobs wait that were due at this moment (seconds since the epoch)."""
    return Job.objects.filter(state=Job.State.WAITING, run_after__gt=0, run_after__lt=now).count()


def amounts() -> dict[tuple[str, str], int]:
    """How many jobs there are of each name and state, periodic ones left out."""
    rows = Job.objects.filter(every=0).values_list("name", "state").annotate(all=models.Count("id"))
    return {(name, state): amount for name, state, amount in rows.order_by("name", "state")}


def longest_due(*, now: float) -> float:
    """For how many seconds the job has been due that waits longest; 0: none is."""
    waiting = Job.objects.filter(state=Job.State.WAITING, run_after__gt=0, run_after__lt=now)
    first: float | None = waiting.aggregate(all=models.Min("run_after"))["all"]
    return now - first if first is not None else 0.0


def _due(now: float, names: Collection[str], *, only: int | None = None) -> models.QuerySet[Job]:
    rows = Job.objects.filter(_claimable(now), name__in=names).order_by("priority", "run_after", "id")
    return rows if only is None else rows.filter(id=only)


def _claimable(now: float) -> Q:
    """Jobs that are due, and those whose lease has run out.

    Times that lie further ahead than we ever set them are of a clock that has been set back since.
    """
    furthest = now + _APART + F("every")
    moved = Q(attempts=0, run_after__gt=furthest) | Q(run_after__gt=furthest + DELAYS[-1])
    due = Q(run_after__lte=now) | moved
    return (Q(state=Job.State.WAITING) & due) | (Q(state=Job.State.RUNNING) & _lapsed(now))


def _lapsed(now: float) -> Q:
    return Q(lease_until__lt=now) | Q(lease_until__gt=now + 2 * LEASE)


def _doubt(now: float) -> None:
    """Give those whose lease has run out a last chance to say that they live.

    It may be that the clock was set: then all leases have run out at once, and nobody has died.
    """
    running = Job.objects.filter(_lapsed(now), state=Job.State.RUNNING, doubted=False)
    running.update(doubted=True, lease_until=now + LEASE / 2)


def _mine(worker: str, ids: Collection[int]) -> models.QuerySet[Job]:
    return Job.objects.filter(id__in=ids, worker=worker, state=Job.State.RUNNING)


def _wait_again(row: Job, *, run_after: float, attempts: int, error: str) -> None:
    """Back to waiting, unless the same work was asked for meanwhile and waits already."""
    if Job.objects.filter(key=row.key, state=Job.State.WAITING).exclude(id=row.id).exists():
        row.delete()
        return
    row.state = Job.State.WAITING
    row.worker = ""
    row.run_after = run_after
    row.attempts = attempts
    row.error = error
    row.save()


def _tell(key: str) -> None:
    """Have the engine told, once all of this is committed, which job waits under this key."""
    engine = _engine()
    if engine is None:
        return
    told = list(Job.objects.filter(key=key, state=Job.State.WAITING).values_list("id", flat=True))

    def tell() -> None:
        for job_id in told:
            engine(job_id)

    # What was committed is not undone, nor a request failed, because an engine fails.
    transaction.on_commit(tell, robust=True)


@cache
def _engine() -> Callable[[int], None] | None:
    return cast("Callable[[int], None]", import_string(settings.JOB_ENGINE)) if settings.JOB_ENGINE else None


def _record(row: Job) -> JobRecord:
    return JobRecord(
        id=row.id, name=row.name, key=row.key, state=row.state, attempts=row.attempts, error=row.error
    )
