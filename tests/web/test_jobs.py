"""The jobs page: what is being done and how far it is, what failed and why, and another chance."""

from __future__ import annotations

import time

import pytest

from distributions import wheel
from localshop.catalog import queue
from localshop.catalog.models import File, Job
from localshop.mirror.fetch import part_of
from people import queries_of, somebody
from threads import in_thread

PAGE = "/activity/jobs/"


@pytest.fixture
async def root(browser):
    return await somebody(browser, "root", administrator=True)


@pytest.fixture
async def wanted(browser, upstream):
    """A file that is to be fetched, and its job."""
    held = upstream.add(wheel("demo", "1.0", size=5000))
    await browser.get(f"/repo/default/{held.distribution.path}")
    return held.distribution


async def test_a_job_says_what_it_is_for(root, wanted):
    await in_thread(lambda: queue.enqueue("tidy", "tidy", payload={}, now=time.time(), every=3600))
    page = (await root.get(PAGE)).text
    assert f"Fetch {wanted.filename}" in page
    assert 'href="/repositories/default/packages/demo/"' in page
    assert "1 to do" in page
    assert "Remove what is left over" in page


async def test_one_sees_how_far_a_file_is(browser, root, wanted):
    def half():
        Job.objects.update(state="running", lease_until=time.time() + 60)
        row = File.objects.get()
        scratch = browser.application._shop.store.scratch
        scratch.mkdir(parents=True, exist_ok=True)
        part = part_of(scratch, row.upstream_id, path=row.path, filename=row.filename)
        part.write_bytes(b"x" * 2048)
        return row.size

    size = await in_thread(half)
    page = (await root.get(PAGE)).text
    assert f'<progress max="{size}" value="2048"' in page


async def test_the_page_looks_again_by_itself_only_while_there_is_something_to_do(root, wanted):
    """A page that is left open over night must not ask for ever."""
    assert 'hx-trigger="every 2s"' in (await root.get(PAGE)).text
    await in_thread(lambda: Job.objects.update(state="failed", error="The upstream has lost it."))
    page = (await root.get(PAGE)).text
    assert "hx-trigger" not in page
    assert "The upstream has lost it." in page


async def test_a_failed_job_gets_another_chance_or_is_forgotten(root, wanted):
    job = await in_thread(Job.objects.get)
    answer = await root.post(f"{PAGE}{job.id}/forget/")
    assert (answer.status, await in_thread(Job.objects.count)) == (302, 1), "Only a failed one is forgotten."
    await in_thread(lambda: Job.objects.update(state="failed", attempts=6))

    await root.post(f"{PAGE}{job.id}/retry/")
    assert await in_thread(lambda: Job.objects.values_list("state", "attempts").get()) == ("waiting", 0)
    await in_thread(lambda: Job.objects.update(state="failed"))
    await root.post(f"{PAGE}+retry/")
    assert await in_thread(lambda: Job.objects.get().state) == "waiting"
    await in_thread(lambda: Job.objects.update(state="failed"))
    await root.post(f"{PAGE}{job.id}/forget/")
    assert await in_thread(Job.objects.count) == 0
    # Two administrators at the same list: the second one is told, not shown an error.
    assert (await root.post(f"{PAGE}{job.id}/retry/")).status == 302


async def test_as_many_queries_for_one_job_as_for_fifty(browser, root, wanted, upstream):
    one = await queries_of(root, PAGE)

    def more():
        row = File.objects.get()
        for number in range(60):
            row.id, row.path = None, f"aa/bb/{number}"
            row.save()
            queue.enqueue("mirror-file", f"mirror-file {row.id}", payload={"file": row.id}, now=time.time())
        queue.enqueue("refresh-page", "x", payload={"repository": row.repository_id, "project": "d"}, now=1)
        queue.enqueue("render-readme", "y", payload={"repository": 0, "filename": "<b>"}, now=1)
        queue.enqueue("mirror-file", "z", payload={"file": 999_999}, now=1)

    await in_thread(more)
    assert len(await queries_of(root, PAGE)) == len(one) < 16
    page = (await root.get(f"{PAGE}?state=waiting&page=2")).text
    assert "Ask the upstreams for d" in (await root.get(PAGE)).text + page
