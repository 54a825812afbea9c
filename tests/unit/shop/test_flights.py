"""One trip at a time: in a process, and between processes that may die on the way."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from localshop.shop.cache import Cache
from localshop.shop.flights import Flights

HOLDER = """
import asyncio, sys
from pathlib import Path
from localshop.shop.flights import Flights

async def hold():
    flights = Flights(Path(sys.argv[1]))
    async def trip():
        print("holding", flush=True)
        await asyncio.sleep(60)
    await flights.once("key", trip)

asyncio.run(hold())
"""


@pytest.fixture
async def flights(tmp_path):
    flights = Flights(tmp_path / "lock")
    yield flights
    await flights.close()


async def test_all_who_ask_share_one_trip(flights):
    trips = 0

    async def trip():
        nonlocal trips
        trips += 1
        await asyncio.sleep(0.01)
        return trips

    assert await asyncio.gather(*[flights.once("key", trip) for _ in range(50)]) == [1] * 50
    assert await flights.once("key", trip) == 2


async def test_a_failure_reaches_all_who_wait_and_is_not_remembered(flights):
    async def fails():
        raise ValueError("no")

    async def works():
        return "yes"

    results = await asyncio.gather(*[flights.once("key", fails) for _ in range(3)], return_exceptions=True)
    assert [str(one) for one in results] == ["no"] * 3
    assert await flights.once("key", works) == "yes"


async def test_a_trip_goes_on_when_the_one_who_waits_gives_up(flights):
    """A client that disconnects must not spoil it for the others, nor for the shelf."""
    arrived = asyncio.Event()

    async def trip():
        await asyncio.sleep(0.02)
        arrived.set()

    waiting = asyncio.create_task(flights.once("key", trip))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait_for(arrived.wait(), timeout=5)


async def test_another_process_is_waited_for_and_its_death_is_noticed(flights, tmp_path):
    """A killed worker must not leave a project locked."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "lock"], stdout=subprocess.PIPE)
    try:
        assert await asyncio.to_thread(holder.stdout.readline) == b"holding\n"

        async def trip():
            return "mine"

        other_key = await asyncio.wait_for(flights.once("other", trip), timeout=5)
        mine = flights.start("key", trip)
        await asyncio.sleep(0.1)
        assert (other_key, mine.done()) == ("mine", False)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert await asyncio.wait_for(mine, timeout=5) == "mine"


def test_a_cache_forgets_the_longest_unused_first():
    cache = Cache(10)
    cache.put("a", 1, weight=4)
    cache.put("b", 2, weight=4)
    assert cache.get("a") == 1
    cache.put("c", 3, weight=4)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
    cache.put("a", 5, weight=9)
    assert (cache.get("a"), cache.get("c")) == (5, None)
