"""The reads of the hot path when PostgreSQL is away."""

from __future__ import annotations

import pytest
from django.db import OperationalError

pytest.importorskip("psycopg")

from localshop.catalog.reads_postgresql import PostgresqlReads


async def test_a_server_that_is_away_is_told_as_the_orm_would_tell_it():
    """The door answers 503 to that, and 500 to anything else."""
    reads = PostgresqlReads({"host": "127.0.0.1", "port": 1, "dbname": "none"})
    with pytest.raises(OperationalError):
        await reads.token(1, "demo")
    await reads.close()
