"""Looking inside a file before it is trusted, in the web interface."""

from __future__ import annotations

import pytest

from distributions import wheel
from fake_upstream import flipped
from localshop.catalog.models import File, Inspection, Job, Project
from localshop.jobs.inspect_file import inspect_file
from people import Person, somebody
from threads import in_thread

PAGE = "/repositories/default/packages/demo/"


@pytest.fixture
async def demo(browser, upstream):
    """Two releases upstream, of which nothing is here; the newer one brings a start-up file."""
    upstream.add(wheel("demo", "1.0"))
    newest = wheel("demo", "2.0", files={"demo.pth": b"import <script>demo</script>\n"})
    held = upstream.add(newest)
    await browser.get("/repo/default/demo/")
    upstream.forget()
    return held


def url_of(distribution):
    return f"{PAGE}inside/{distribution.path.removeprefix('packages/')}"


async def look(browser):
    shop = browser.application._shop
    (job,) = await in_thread(lambda: list(Job.objects.filter(name="inspect-file")))
    await inspect_file(shop, job.payload)
    await in_thread(job.delete)


async def test_a_file_that_is_not_here_is_looked_into_and_still_not_here(browser, upstream, demo):
    """One looks first and decides then; nobody gets the file because somebody looked."""
    alice, url = await somebody(browser, "alice"), url_of(demo.distribution)
    assert url in (await alice.get(PAGE)).text
    assert "Nobody has looked into this file yet" in (await alice.get(url)).text
    assert upstream.count("/packages/*") == 0

    answer = await alice.post(url)
    assert (answer.status, answer.headers["location"]) == (302, url)
    assert "It is being looked into" in (await alice.get(url)).text
    await look(browser)

    page = (await alice.get(url)).text
    assert "demo.pth" in page
    assert "import &lt;script&gt;demo" in page
    assert "<script>demo" not in page
    assert "What is new since 1.0" in page
    assert "<ins>+__version__ = &quot;2.0&quot;</ins>" in page
    assert not await in_thread(File.objects.exists)
    assert (await in_thread(Project.objects.get)).kind == ""
    assert [*browser.application._shop.store.scratch.glob("inspect-*")] == []


async def test_a_file_that_is_here_is_not_fetched_again(browser, upstream, demo):
    alice = await somebody(browser, "alice")
    from localshop.jobs.mirror_file import mirror_file

    for held in [demo]:
        assert (await browser.get(f"/repo/default/{held.distribution.path}")).status == 302
    file_id = await in_thread(lambda: File.objects.get().id)
    await mirror_file(browser.application._shop, {"file": file_id})
    upstream.forget()
    await alice.post(url_of(demo.distribution))
    await look(browser)
    # Only the one before it.
    assert [seen.path.rpartition("/")[2] for seen in upstream.seen("/packages/*")] == [
        "demo-1.0-py3-none-any.whl"
    ]
    assert "demo.pth" in (await alice.get(url_of(demo.distribution))).text


async def test_bytes_that_are_not_the_announced_ones_are_not_reported_on(browser, upstream, demo):
    """Else somebody would approve what he saw, and others would get something else."""
    from localshop.errors import DigestMismatch

    upstream.fault("/packages/*demo-2.0*", change=flipped)
    alice = await somebody(browser, "alice")
    await alice.post(url_of(demo.distribution))
    with pytest.raises(DigestMismatch):
        await look(browser)
    assert not await in_thread(Inspection.objects.exists)


async def test_what_is_no_archive_is_said_to_be_none(browser, upstream, demo):
    broken = wheel("demo", "3.0")
    object.__setattr__(broken, "body", b"no zip")
    broken.__post_init__()
    upstream.add(broken)
    alice = await somebody(browser, "alice", administrator=True)
    await alice.post(f"{PAGE}refresh")
    shop = browser.application._shop
    from localshop.jobs.refresh_page import refresh_page

    (job,) = await in_thread(lambda: list(Job.objects.filter(name="refresh-page")))
    await refresh_page(shop, job.payload)
    await alice.post(url_of(broken))
    await look(browser)
    assert "could not be looked into" in (await alice.get(url_of(broken))).text


async def test_who_has_not_logged_in_makes_nobody_fetch_anything(browser, upstream, demo):
    here = Person(browser, peer="127.0.0.1")
    assert "Log in" in (await here.get(url_of(demo.distribution))).text
    answer = await here.post(url_of(demo.distribution))
    assert answer.status == 302
    assert "/accounts/login/" in answer.headers["location"]
    assert not await in_thread(Job.objects.filter(name="inspect-file").exists)


async def test_there_is_nothing_inside_of_what_is_not_there(browser, demo):
    alice = await somebody(browser, "alice")
    assert (await alice.get(f"{PAGE}inside/aa/bb/cc/demo-2.0-py3-none-any.whl")).status == 404
    assert (await alice.get(url_of(demo.distribution).replace("demo/", "other/"))).status == 404


async def test_a_file_in_a_storage_elsewhere_is_looked_into_by_way_of_a_copy(
    browser, upstream, demo, monkeypatch
):
    """There is no path to it on this machine; the copy goes when it was read."""
    from localshop.jobs.mirror_file import mirror_file
    from localshop.storage.stores import Store

    await browser.get(f"/repo/default/{demo.distribution.path}")
    file_id = await in_thread(lambda: File.objects.get().id)
    await mirror_file(browser.application._shop, {"file": file_id})
    monkeypatch.setattr(Store, "local_path", lambda *_: None)
    alice = await somebody(browser, "alice")
    await alice.post(url_of(demo.distribution))
    await look(browser)
    assert "demo.pth" in (await alice.get(url_of(demo.distribution))).text
    assert [*browser.application._shop.store.scratch.glob("inspect-*")] == []
