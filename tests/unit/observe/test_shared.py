"""The numbers of many processes: added up, also of those that are gone, and never going down."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from localshop.observe import shared
from localshop.observe.counters import count, snapshot
from localshop.observe.shared import Shared

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "metrics"


@pytest.fixture
def name():
    return uuid4().hex


def counting(directory, name, times, pipe):
    """A process that counts, publishes, and waits for its end."""
    mine = Shared(directory)
    for _ in range(times):
        count(name)
    mine.publish()
    pipe.send("ready")
    pipe.recv()
    mine.close()
    pipe.send("closed")


class Another:
    """Another process that counts."""

    def __init__(self, directory, name, times):
        self.pipe, theirs = FORK.Pipe()
        self.process = FORK.Process(target=counting, args=(directory, name, times, theirs), daemon=True)
        self.process.start()
        assert self.pipe.recv() == "ready"

    def end(self):
        self.pipe.send("end")
        assert self.pipe.recv() == "closed"
        self.process.join()

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()


def test_living_dead_and_killed_processes_are_added_up(directory, name):
    """Else a worker that is started anew would make the sum go down, and look like a burst of requests."""
    mine = Shared(directory)
    count(name)
    one, two, three = (Another(directory, name, times) for times in (10, 100, 1000))
    assert read(mine, name) == (1111, 4)
    one.end()
    assert read(mine, name) == (1111, 3)
    two.kill()
    assert read(mine, name) == (1111, 2)
    assert read(mine, name) == (1111, 2)
    count(name)
    assert read(mine, name) == (1112, 2)
    three.end()
    mine.close()
    # After a restart of all of them.
    left = snapshot()[name, ()]
    assert read(Shared(directory), name) == (1112 + left, 1)
    assert [path.name for path in directory.glob("*.json")] == ["past.json"]


def test_many_who_ask_at_once_take_the_dead_over_once(directory, name):
    ends = [Another(directory, name, 7) for _ in range(4)]
    for one in ends:
        one.kill()
    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda _: read(Shared(directory), name)[0], range(8)))
    assert sums == [28] * 8


def test_a_torn_file_takes_nothing_else_along(directory, name):
    mine = Shared(directory)
    other = Another(directory, name, 5)
    (directory / "past.json").write_text('{"folded": [], "cou')
    (directory / "1-abc.json").write_text("torn")
    assert read(mine, name)[0] == 5
    other.end()


def test_where_nothing_can_be_written_the_numbers_are_the_process_s_own(tmp_path, name, caplog):
    """A read-only home must not keep a process from serving."""
    (tmp_path / "file").write_text("")
    shared.join(tmp_path / "file" / "metrics")
    count(name)
    shared.publish()
    counts, processes = shared.collect()
    assert (counts[name, ()], processes) == (1, 1)
    assert "not put together" in caplog.text
    shared.leave()


def read(mine, name):
    counts, processes = mine.collect()
    return counts.get((name, ()), 0), processes
