"""Celery as the engine of jobs: what its messages are, and what a worker does with them.

The table of jobs stays the truth. A message has nothing but the id of a row, so one that is lost,
comes twice or comes late does no harm: a worker claims the row, or finds that there is nothing to do.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.exceptions import ChannelError

from localshop import config
from localshop.observe.log import get_logger

from . import ending
from .claims import UNREACHABLE
from .workshop import workshop

QUEUE = "localshop"
LOOK_EVERY = 5.0
"""Seconds between two looks for jobs that no message leads to."""

_CONNECT = 2.0
"""Seconds that a broker may take to answer."""
_SETTLED = 1.0
"""Seconds for which a job has been due before we think that its message was lost."""
_IN_THE_QUEUE = 200
"""Messages up to which a look fills the queue: what waits behind them is found by a later look."""

log = get_logger(__name__)


def _make() -> Celery:
    url = config.current().broker_url
    # Without fixups: what Celery would do for Django (connections, checks) is our workshop's.
    made = Celery("localshop", broker=url, set_as_current=False, fixups=[])
    made.conf.update(
        task_default_queue=QUEUE,
        # Nothing that could run code is ever read from the broker.
        accept_content=["json"],
        task_serializer="json",
        event_serializer="json",
        task_ignore_result=True,
        # Who dies with a job has its lease run out, and then the row is found; nothing is to be
        # learned from a message that comes again.
        task_acks_late=False,
        # Most of a job is waiting for others.
        worker_concurrency=8,
        worker_redirect_stdouts=False,
        broker_connection_timeout=_CONNECT,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=_transport_options(url),
        task_publish_retry=False,
        # What beat knows stands here, so it has no file to keep.
        beat_scheduler="localshop.jobs.steady_beat:SteadyBeat",
        beat_max_loop_interval=LOOK_EVERY,
        beat_schedule={
            "look": {
                "task": "localshop.look",
                "schedule": LOOK_EVERY,
                # While no worker runs, looks must not pile up.
                "options": {"expires": LOOK_EVERY},
            }
        },
    )
    return made


def _transport_options(url: str) -> dict[str, Any]:
    # Unless it is told when to stop, Celery's producer tries for ever.
    options: dict[str, Any] = {"max_retries": 1, "interval_start": 0, "interval_step": 0}
    if url.startswith(("redis", "sentinel")):
        _leave_what_was_not_done()
        options |= {"socket_connect_timeout": _CONNECT, "socket_timeout": 30, "socket_keepalive": True}
    return options


def _leave_what_was_not_done() -> None:
    """Have no message put back into Redis for which a worker that ends, or has lost Redis, had no hands yet.

    The next look finds their rows. And kombu, when it has lost Redis, wants to put them back over the
    connection that it has just closed; that error ends the worker, with all that it does.
    """
    from kombu.transport import redis  # noqa: PLC0415 - for RabbitMQ its client need not be there.

    redis.Channel.do_restore = False


app = _make()


@app.task(name="localshop.job")  # type: ignore[untyped-decorator]
def job(job_id: int) -> None:
    """Do the job of this id, if it still is to be done and nobody does it."""
    # Of a message that came before the end began, others find the row.
    if not ending.has_begun():
        workshop().do(job_id)


@app.task(name="localshop.look")  # type: ignore[untyped-decorator]
def look() -> None:
    """Send messages for jobs that are due and to which none leads: it was lost, or they were delayed.

    As long as enough messages wait, workers have enough to do, and no job is told of once more.
    """
    if ending.has_begun():
        return
    try:
        due = workshop().due(_IN_THE_QUEUE, since=_SETTLED)
    except UNREACHABLE:
        return
    with app.connection_for_write() as connection:
        room = _IN_THE_QUEUE - _waiting(connection) if due else 0
        for job_id in due[: max(0, room)]:
            job.apply_async((job_id,), connection=connection)


def _waiting(connection: Any) -> int:
    """How many messages wait for a worker."""
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue=QUEUE, passive=True).message_count)
        except ChannelError:
            # With Redis an empty queue is none.
            return 0
