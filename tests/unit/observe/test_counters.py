"""Counters: nothing is lost between threads, and a child starts at zero."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from localshop.observe.counters import count, snapshot


def test_the_order_of_labels_does_not_matter():
    """One thing has one number."""
    name = uuid4().hex
    count(name, door="index", status="200")
    count(name, status="200", door="index")
    count(name, status="404", door="index")
    count(name)
    mine = {labels: value for (found, labels), value in snapshot().items() if found == name}
    assert mine == {
        (("door", "index"), ("status", "200")): 2,
        (("door", "index"), ("status", "404")): 1,
        (): 1,
    }


def test_threads_lose_no_count():
    """Uploads are hashed in threads; their numbers must add up."""
    name = uuid4().hex
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: [count(name, kind="a") for _ in range(5000)], range(8)))
    assert snapshot()[name, (("kind", "a"),)] == 40_000


def test_a_snapshot_stays_as_it_was():
    """The page of metrics is written while requests go on."""
    name = uuid4().hex
    count(name)
    before = snapshot()
    count(name)
    assert before[name, ()] == 1


def test_a_forked_child_starts_at_zero():
    """Else the sum over all processes would count the parent's numbers again."""
    name = uuid4().hex
    count(name)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=lambda: queue.put(len(snapshot())), daemon=True)
    child.start()
    assert queue.get() == 0
    child.join()
    assert snapshot()[name, ()] == 1
