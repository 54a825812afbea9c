"""The pages that say that something did not work: they say it after the database was away, too."""

from __future__ import annotations

import pytest
from django.db import connection

from databases import postgresql_only
from people import somebody
from threads import in_thread

pytestmark = postgresql_only("SQLite has no server to be connected to")


def _others(sql):
    """Ask of, or act on, all connections to our database but this one."""
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} WHERE datname = current_database() AND pid <> pg_backend_pid()")
        return cursor.fetchall()


async def test_a_page_of_an_error_leaves_no_connection_open(browser):
    """A scanner that asks for what is not there must not use the server's connections up."""
    alice = await somebody(browser, "alice")
    before = await in_thread(_others, "SELECT pid FROM pg_stat_activity")
    for _ in range(8):
        assert (await alice.get("/not-here/")).status == 404
    after = await in_thread(_others, "SELECT pid FROM pg_stat_activity")
    assert {*after} <= {*before}


@pytest.fixture
def cut_off(tables):
    """The connection of this thread, which the fixtures keep, is cut with all others."""
    yield
    connection.close()


async def test_the_page_of_an_error_is_there_after_the_database_was_restarted(cut_off, browser):
    alice = await somebody(browser, "alice")
    assert (await alice.get("/not-here/")).status == 404
    await in_thread(_others, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity")
    for _ in range(8):
        assert (await alice.get("/not-here/")).status == 404
