"""Writes that share a transaction: nobody waits longer for a locked database because others did."""

from __future__ import annotations

import asyncio

from localshop.catalog import patience
from localshop.shop.scribe import Scribe, _Ended


async def test_the_wait_for_the_batch_before_counts():
    """Else a client would hear after 16 seconds that the database is busy; pip hangs up after 15."""
    now, let_go, left = [100.0], asyncio.Event(), []

    async def run(_work, works, *, waited):
        if not left:
            left.append(None)
            await let_go.wait()
        else:
            with patience.spent(waited):
                left.append(patience.left())
        return [_Ended(None, None)] * len(works)

    scribe = Scribe(run, clock=lambda: now[0])
    first = asyncio.create_task(scribe.write(int))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = asyncio.create_task(scribe.write(int))
    await asyncio.sleep(0)
    now[0] += 5.0
    let_go.set()
    await asyncio.gather(first, second)
    assert left == [None, patience.PATIENCE - 5.0]


async def test_what_nobody_waits_for_is_gathered_and_written_at_the_end():
    """A transaction for each page of an installation takes what its clients wait for."""
    written = []

    async def run(_work, works, *, waited):
        written.append(len(works))
        return [_Ended(work(), None) for work in works]

    scribe = Scribe(run, pause=60.0)
    writing = [asyncio.create_task(scribe.write(int)) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert written == []
    await scribe.close()
    assert await asyncio.gather(*writing) == [0, 0, 0]
    assert written == [3]


def test_what_was_waited_for_adds_up():
    with patience.spent(3.0), patience.spent(2.0):
        assert patience.left() == patience.PATIENCE - 5.0
    with patience.spent(20.0):
        assert patience.left() == 0.0
    assert patience.left() == patience.PATIENCE
