"""Tells Celery of jobs, from a thread of its own: no request waits for a broker, or fails with it."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import time

from localshop.observe.log import event, get_logger

_MOST = 10_000
"""Ids that may wait to be sent; more are left to be found by the workers."""
_REST = 5.0
"""Seconds for which a broker that did not answer is left alone."""
_FAREWELL = 2.0
"""Seconds that a process which ends gives to what is still to be sent."""

log = get_logger(__name__)


def tell(job_id: int) -> None:
    """Have a message sent that leads a worker to this job, soon. Never waits, never raises."""
    _messenger().send(job_id)


class Messenger:
    """The thread that sends, for one process."""

    def __init__(self) -> None:
        self._ids: queue.Queue[int] = queue.Queue(_MOST)
        self._rest_until = 0.0
        self._reachable = True
        threading.Thread(target=self._run, name="messenger", daemon=True).start()
        atexit.register(self.flush, _FAREWELL)

    def send(self, job_id: int) -> None:
        """Put it on the list, unless that is full."""
        try:
            self._ids.put_nowait(job_id)
        except queue.Full:
            self._fell_silent("too many messages wait to be sent")

    def flush(self, timeout: float) -> bool:
        """Wait until all is sent, or given up; False: ``timeout`` seconds were not enough."""
        deadline = time.monotonic() + timeout
        with self._ids.all_tasks_done:
            while self._ids.unfinished_tasks:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._ids.all_tasks_done.wait(left)
        return True

    def _run(self) -> None:
        # Here and not above: it takes a third of a second, which the first request need not wait.
        from .engine import job  # noqa: PLC0415

        while True:
            job_id = self._ids.get()
            try:
                if time.monotonic() >= self._rest_until:
                    job.apply_async((job_id,))
                    self._reachable = True
            except Exception as error:  # noqa: BLE001 - each transport has errors of its own.
                self._rest_until = time.monotonic() + _REST
                self._fell_silent(f"{type(error).__name__}: {error}")
            finally:
                self._ids.task_done()

    def _fell_silent(self, why: str) -> None:
        if self._reachable:
            sentence = f"Celery is not told of jobs; it finds them when the broker answers again: {why}"
            event(log, logging.WARNING, "broker-unreachable", sentence)
        self._reachable = False


_made: tuple[int, Messenger] | None = None
_making = threading.Lock()


def _messenger() -> Messenger:
    """The messenger of this process: a thread does not outlive a fork."""
    global _made  # noqa: PLW0603 - there is one in each process.
    with _making:
        if _made is None or _made[0] != os.getpid():
            _made = os.getpid(), Messenger()
        return _made[1]
