"""``localshop jobs``: what runs behind the requests."""

from __future__ import annotations

import argparse
import math
import sys
import time

from localshop.catalog import queue
from localshop.catalog.records import JobRecord
from localshop.cli.output import Group, Options, Shape, cell, table

_POLL = 0.25
"""Seconds between two looks at the queue."""


class Command(Group):
    """Shows jobs, waits for them, gives them another chance."""

    help = "list jobs, wait until nothing is left to do, or retry one"

    def declare(self) -> None:
        """Declare the actions."""
        self.action("list", self._list, "show all jobs that wait, run or have failed")
        wait = self.action("wait", self._wait, "wait until nothing is left to do; 1 if something failed")
        wait.add_argument("--timeout", type=_seconds, metavar="S", help="give up after so many seconds")
        retry = self.action("retry", self._retry, "give a job that failed or waits another chance now")
        retry.add_argument("id", type=int, metavar="ID")

    def _list(self, options: Options) -> None:
        found = queue.every_job()
        heads = ("id", "name", "key", "state", "attempts", "error")
        shapes = [_shape(one) for one in found]
        rows = [[shape[head] for head in heads] for shape in shapes]
        self.show(options, shapes, table(heads, rows, none="There are no jobs."))

    def _wait(self, options: Options) -> None:
        left = _wait_until_done(options["timeout"])
        failed = [_shape(one) for one in queue.every_job() if one.state == "failed"]
        told = [f"Job {one['id']} ({one['key']}) failed: {one['error']}" for one in failed]
        self.show(options, failed, "\n".join(cell(line) for line in told) or "No job failed.")
        if left:
            self.warn(f"After {options['timeout']:g} seconds there is still something to do: {left} in all.")
        if left or failed:
            sys.exit(1)

    def _retry(self, options: Options) -> None:
        one = queue.retry(options["id"], now=time.time())
        self.show(options, _shape(one), f"Job {one.id} ({cell(one.key)}) waits for its turn.")


def _wait_until_done(timeout: float | None) -> int:
    """Look until nothing is left or the time is over; the answer is how many jobs are left."""
    end = math.inf if timeout is None else time.monotonic() + timeout
    while True:
        left, _ = queue.left_to_do()
        remaining = end - time.monotonic()
        if not left or remaining <= 0:
            return left
        time.sleep(min(_POLL, remaining))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def _shape(one: JobRecord) -> Shape:
    return {
        "id": one.id,
        "name": one.name,
        "key": one.key,
        "state": one.state,
        "attempts": one.attempts,
        "error": one.error,
    }
