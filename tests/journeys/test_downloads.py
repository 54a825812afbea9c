"""Who downloaded what: counted once, by whoever it was, never lost, and forgotten in time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.db import OperationalError
from django.db.models import F

from asgi_client import Browser
from distributions import wheel
from localshop.asgi import FrontDoor
from localshop.catalog import credentials, downloads, people, queue, repositories
from localshop.catalog.models import Download, DownloadedFile, Project
from localshop.catalog.records import Given, Tally
from localshop.index.downloads import write_downloads
from localshop.jobs.registry import jobs
from localshop.shop.tallies import Tallies
from threads import in_thread

AWAY = "203.0.113.9"
JOBS = jobs(offline=False)


def url_of(held):
    return f"/repo/default/{held.distribution.path}"


async def run_jobs(browser):
    shop = browser.application._shop
    while (claim := await shop.run(queue.claim, "test", now=shop.now(), names=list(JOBS))) is not None:
        await JOBS[claim.name](shop, claim.payload)
        await shop.run(queue.done, claim, now=shop.now())


async def written(browser, project="demo", **which):
    """What is written down, the last first."""
    await write_downloads(browser.application._shop)
    return await in_thread(lambda: downloads.who("default", project, most=100, **which))


@pytest.fixture
async def demo(browser, upstream):
    """A mirrored file whose bytes are here."""
    held = upstream.add(wheel("demo", "1.0", size=5000))
    await browser.get(url_of(held))
    await run_jobs(browser)
    await write_downloads(browser.application._shop)
    await in_thread(lambda: DownloadedFile.objects.all().delete())
    return held


async def test_a_file_is_counted_for_whoever_got_it(browser, demo):
    """After bad news about a package one asks: who has it?"""
    machine, secret = await in_thread(credentials.create_credential)
    await in_thread(people.create_user, "alice", password="open sesame please")
    hers, her_secret = await in_thread(lambda: credentials.create_credential(user="alice"))
    for auth, agent in (
        ((machine.access_key, secret), 'pip/25.1 {"ci":true}'),
        ((machine.access_key, secret), 'pip/25.1 {"ci":true}'),
        ((hers.access_key, her_secret), "uv/0.9"),
        (("alice", "open sesame please"), "Mozilla/5.0"),
    ):
        answer = await browser.get(url_of(demo), auth=auth, peer=AWAY, headers={"User-Agent": agent})
        assert answer.status == 200
    await browser.get(url_of(demo))

    found = await written(browser)

    seen = {(one.username, one.credential, one.address, one.installer): one.amount for one in found}
    assert seen == {
        ("", machine.access_key, AWAY, "pip"): 2,
        ("alice", hers.access_key, AWAY, "uv"): 1,
        ("alice", "", AWAY, "browser"): 1,
        ("", "", "127.0.0.1", ""): 1,
    }
    assert {(one.repository, one.project, one.version) for one in found} == {("default", "demo", "1.0")}
    assert {one.filename for one in found} == {demo.distribution.filename}
    assert found == sorted(found, key=lambda one: (one.last, one.id), reverse=True)
    assert {one.who for one in found} == {machine.access_key, hers.access_key, "alice", "anonymous"}


async def test_what_gives_out_nothing_is_not_counted(browser, demo, upstream):
    """Numbers that count every look would say that everybody has everything."""
    etag = (await browser.get(url_of(demo))).headers["etag"]
    await browser.head(url_of(demo))
    assert (await browser.get(url_of(demo), headers={"If-None-Match": etag})).status == 304
    assert (await browser.get(f"{url_of(demo)}.metadata")).status == 200
    assert (await browser.get(url_of(demo), headers={"Range": "bytes=9999999-"})).status == 416
    await browser.get("/repo/default/demo/")
    await browser.get("/repo/default/packages/aa/bb/cc/none-1.0-py3-none-any.whl")
    await in_thread(lambda: Project.objects.update(status="quarantined", serial=F("serial") + 1))
    assert (await browser.get(url_of(demo))).status == 403

    assert [one.amount for one in await written(browser)] == [1]


async def test_a_download_in_parts_is_one(browser, demo):
    """A client that resumes, or reads the end of a wheel first, has not downloaded it three times."""
    for part in ("bytes=0-999", "bytes=1000-1999", "bytes=2000-", "bytes=-500"):
        assert (await browser.get(url_of(demo), headers={"Range": part})).status == 206
    assert [one.amount for one in await written(browser)] == [1]


@pytest.mark.parametrize(("mode", "size", "status"), [("redirect", 1000, 302), ("stream", 3_000_000, 200)])
async def test_a_file_that_is_not_here_is_counted_as_well(browser, upstream, mode, size, status):
    """The very first download is the one that matters when the package turns out to be bad."""
    await in_thread(lambda: repositories.edit_repository("default", upstreams=None, changes={"miss": mode}))
    held = upstream.add(wheel("demo", "1.0", size=size))
    await browser.head(url_of(held))
    assert (await browser.get(url_of(held))).status == status
    for part in ("bytes=1000-", "bytes=-5"):
        await browser.get(url_of(held), headers={"Range": part})
    found = await written(browser)
    assert [(one.project, one.version, one.amount) for one in found] == [("demo", "1.0", 1)]


async def test_the_end_of_the_process_loses_none(repository, upstream):
    """A restart for an update must not make holes in what is known."""
    held = upstream.add(wheel("demo", "1.0"))
    async with Browser(FrontDoor()) as client:
        await client.get(url_of(held))
    assert [one.amount for one in await in_thread(downloads.who, "default", "demo", most=9)] == [1]


async def test_what_could_not_be_written_is_in_the_next_batch(browser, demo):
    await browser.get(url_of(demo))
    with (
        mock.patch.object(downloads, "note", side_effect=OperationalError("locked")),
        pytest.raises(OperationalError),
    ):
        await write_downloads(browser.application._shop)
    await browser.get(url_of(demo))
    assert [one.amount for one in await written(browser)] == [2]
    assert [one.amount for one in await written(browser)] == [2]


async def test_several_processes_add_up(tables):
    """Each web process writes down its own; the same client may have spoken to all of them."""
    batches = [
        {
            Given(20_000, "default", "aa/bb/cc", f"demo-{n}.0.tar.gz", "", "", "10.0.0.1", "pip"): Tally(
                1, 5.0
            )
            for n in (range(20) if even else reversed(range(20)))
        }
        for even in (0, 1, 0, 1)
    ]
    await asyncio.gather(*[in_thread(downloads.note, batch) for batch in batches])
    rows = await in_thread(lambda: list(Download.objects.values_list("amount", flat=True)))
    assert rows == [4] * 20


async def test_the_last_time_is_the_latest_whoever_writes_first(tables):
    one = Given(20_000, "default", "aa/bb/cc", "demo-1.0.tar.gz", "", "", "", "")
    for last in (2e9, 1e9):
        await in_thread(downloads.note, {one: Tally(1, last)})
    found = await in_thread(downloads.who, "default", "demo", most=1)
    assert found[0].last == datetime.fromtimestamp(2e9, tz=UTC)


def _note(filename, *, day, amount=1, address="", repository="default"):
    one = Given(day, repository, "aa/bb/cc", filename, "", "", address, "pip")
    downloads.note({one: Tally(amount, day * 86_400.0 + 60)})


async def test_it_is_summed_up_by_day_and_by_release(tables):
    """The chart, and the releases that are in use."""

    def look():
        _note("demo-1.0.tar.gz", day=20_000, amount=3)
        _note("demo-1.0.0-py3-none-any.whl", day=20_001, amount=2)
        _note("demo-2.0.tar.gz", day=20_001, amount=9, address="10.0.0.1")
        _note("other-2.0.tar.gz", day=20_001, amount=50)
        _note("demo-2.0.tar.gz", day=20_001, amount=70, repository="else")
        first = datetime.fromtimestamp(20_000 * 86_400, tz=UTC).date()
        second = first + timedelta(days=1)
        # 1.0 and 1.0.0 are two spellings of one release for people, and are kept apart as spelled.
        assert sorted(downloads.amounts("default", "demo", since=first)) == [
            (first, "1.0", 3),
            (second, "1.0.0", 2),
            (second, "2.0", 9),
        ]
        assert len(downloads.amounts("default", "demo", since=second)) == 2
        assert downloads.amounts("default", "demo", since=second + timedelta(days=1)) == []
        of_two = downloads.who("default", "demo", version="2.0", most=9)
        assert [one.amount for one in of_two] == [9]
        assert [one.amount for one in downloads.who("default", "demo", most=9)] == [9, 2, 3]
        given = list(downloads.given_out("default", since=first))
        assert [(one.filename, one.amount, one.entry) for one in given] == [
            ("demo-1.0.0-py3-none-any.whl", 2, None),
            ("demo-1.0.tar.gz", 3, None),
            ("demo-2.0.tar.gz", 9, None),
            ("other-2.0.tar.gz", 50, None),
        ]

    await in_thread(look)


async def test_what_was_given_out_comes_with_what_is_said_of_the_file(browser, demo):
    """Policies are tried on what was downloaded, so they need its upload time and the like."""
    await browser.get(url_of(demo))
    await browser.get(url_of(demo), headers={"User-Agent": "uv/1"})
    await written(browser)
    since = datetime.now(UTC).date() - timedelta(days=1)
    found = await in_thread(lambda: list(downloads.given_out("default", since=since)))
    assert [(one.project, one.amount) for one in found] == [("demo", 2)]
    assert found[0].entry["filename"] == demo.distribution.filename


async def test_pages_of_downloads_leave_out_none_and_repeat_none(tables):
    def look():
        for number in range(25):
            _note("demo-1.0.tar.gz", day=20_000, address=f"10.0.0.{number}")
        seen, before = [], None
        while some := downloads.who("default", "demo", most=10, before=before):
            seen += [one.address for one in some]
            before = (some[-1].last, some[-1].id)
        assert len(seen) == len(set(seen)) == 25

    await in_thread(look)


async def test_old_downloads_are_forgotten(browser, set_config):
    """Who was where a year ago is nobody's business any more."""
    shop = browser.application._shop
    today = downloads.day_number(shop.now())
    await in_thread(lambda: [_note(f"demo-{age}.tar.gz", day=today - age) for age in (1, 29, 31, 400)])
    set_config(downloads_kept_days=30)
    await JOBS["tidy"](shop, {})
    left = await in_thread(lambda: downloads.who("default", "demo", most=9))
    assert [one.version for one in left] == ["1", "29"]
    assert await in_thread(DownloadedFile.objects.count) == 2


async def test_nothing_is_kept_where_nothing_may_be_kept(browser, demo, set_config):
    set_config(downloads_kept_days=0)
    await browser.get(url_of(demo))
    assert await written(browser) == []


async def test_what_is_not_written_down_takes_no_memory_without_end(browser, demo, caplog):
    """A database that is gone for hours must not take the process along, and what is lost is told."""
    shop = browser.application._shop
    shop.given = Tallies(most=3)
    given = [Given(1, "default", "aa/bb/cc", f"{n}.whl", "", "", "", "") for n in range(5)]
    for one in given:
        shop.given.note(one, 1.0)
    shop.given.note(given[0], 2.0)
    batch = shop.given.take()
    assert batch == {given[0]: (2, 2.0), given[1]: (1, 1.0), given[2]: (1, 1.0)}
    shop.given.note(given[4], 3.0)
    shop.given.note(given[0], 3.0)
    shop.given.put_back(batch)
    with (
        mock.patch.object(downloads, "note", side_effect=OperationalError("locked")),
        pytest.raises(OperationalError),
    ):
        await write_downloads(shop)
    assert shop.given.take()[given[0]] == (3, 3.0)
    assert "too many to remember" in caplog.text
