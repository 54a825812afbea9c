"""The reads of the hot path when PostgreSQL is away, or slow when everything ends."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from django.db import OperationalError

from localshop.catalog.reads_postgresql import PostgresqlReads


async def test_a_server_that_is_away_is_told_as_the_orm_would_tell_it():
    """The door answers 503 to that, and 500 to anything else."""
    reads = PostgresqlReads({"host": "127.0.0.1", "port": 1, "dbname": "none"})
    with pytest.raises(OperationalError):
        await reads.token(1, "demo")
    await reads.close()


async def test_nothing_is_connected_after_the_end_though_a_reader_has_just_gone(monkeypatch):
    """A connection that nobody knows of takes one of the server's until it is restarted."""
    begun, answered = asyncio.Event(), []

    async def connect(**parameters):
        begun.set()
        await asyncio.sleep(0.01)
        answered.append(parameters)

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", connect)
    reads = PostgresqlReads({"dbname": "slow"})
    reading, other = (asyncio.create_task(reads.token(1, name)) for name in ("demo", "other"))
    await begun.wait()
    reading.cancel()
    await reads.close()

    with pytest.raises(asyncio.CancelledError):
        await other
    await asyncio.sleep(0.02)
    assert answered == []
