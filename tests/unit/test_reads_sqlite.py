"""Rows that are kept in memory: only as long as nobody has changed anything."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localshop.catalog.reads import SqliteReads

SCHEMA = """
    PRAGMA journal_mode = wal;
    CREATE TABLE catalog_state (id INTEGER PRIMARY KEY, access INTEGER);
    CREATE TABLE catalog_project (
        id INTEGER PRIMARY KEY, repository_id, name, kind, serial, fresh_until, arrivals, listed);
    INSERT INTO catalog_state VALUES (1, 0);
    INSERT INTO catalog_project VALUES (7, 1, 'demo', 'mirrored', 1, 0.0, 0, 1);
"""
CHANGE = "UPDATE catalog_state SET access = access + 1"


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "localshop.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
    return path


@pytest.fixture
async def reads(database):
    reads = SqliteReads(str(database))
    yield reads
    await reads.close()


@pytest.fixture
def asked(reads):
    """The statements that the database was asked."""
    asked = []
    reads._connection.set_trace_callback(asked.append)
    return asked


def change_in_another_process(database):
    program = "import sqlite3, sys; sqlite3.connect(sys.argv[1], isolation_level=None).execute(sys.argv[2])"
    subprocess.run([sys.executable, "-c", program, str(database), CHANGE], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="rows are kept where the WAL index can be found")
async def test_the_database_is_asked_again_only_after_a_change(reads, asked, database):
    for _ in range(5):
        assert (await reads.token(1, "demo")).access == 0
    # The index is there after the first read.
    assert len(asked) == 2
    change_in_another_process(database)
    for _ in range(5):
        assert (await reads.token(1, "demo")).access == 1
    assert len(asked) == 3
    assert (await reads.token(1, "other")).id == 0
    assert len(asked) == 4


async def test_where_nobody_can_tell_each_read_asks(reads, asked, database, monkeypatch):
    monkeypatch.setattr("localshop.catalog.wal_index._DESCRIPTORS", database.parent / "nothing")
    for _ in range(5):
        await reads.token(1, "demo")
    assert len(asked) == 5


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(["change", "thread", "undone", "truncate", "restart", "vacuum", "open", "crash", ""]),
        max_size=25,
    )
)
def test_each_change_is_seen_at_once(tmp_path_factory, doings):
    """Whatever else is done to the file: who was told that a right is gone relies on it."""
    path = tmp_path_factory.mktemp("changes") / "localshop.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as writer:
        writer.executescript(SCHEMA)
        asyncio.run(_compare(path, writer, doings))


async def _compare(path, writer, doings):
    reads = SqliteReads(str(path))
    changes = 0
    for doing in doings:
        match doing:
            case "change":
                writer.execute(CHANGE)
            case "thread":
                await asyncio.to_thread(writer.execute, CHANGE)
            case "undone":
                writer.executescript(f"BEGIN; {CHANGE}; ROLLBACK")
            case "truncate" | "restart":
                writer.execute(f"PRAGMA wal_checkpoint({doing})")
            case "vacuum":
                writer.execute("VACUUM")
            case "open":
                sqlite3.connect(path).close()
            case "crash":
                # As the next one finds the index when a process has died that was writing there.
                with path.with_name(f"{path.name}-shm").open("r+b", buffering=0) as index:
                    index.write(bytes(96))
                writer.execute("SELECT * FROM catalog_state").fetchone()
        changes += doing in {"change", "thread"}
        assert (await reads.token(1, "demo")).access == changes
    await reads.close()
