"""The start page says what is not well, to those who can do something about it."""

from __future__ import annotations

from django.db.models import F

from distributions import wheel
from localshop.catalog.models import File, Job, Project, UpstreamPage
from people import Person, queries_of, somebody
from threads import in_thread


async def mirror(browser, upstream, name="demo"):
    held = upstream.add(wheel(name, "1.0"))
    await browser.get(f"/repo/default/{held.distribution.path}")
    return held


async def test_what_is_not_well_is_told_to_whom_it_concerns(browser, upstream):
    await mirror(browser, upstream)

    def worsen():
        Job.objects.update(state="failed")
        File.objects.update(announced="f" * 64)
        UpstreamPage.objects.update(error="It answered 500.", checked=F("checked"))
        Project.objects.update(fresh_until=1e12)

    await in_thread(worsen)
    root = await somebody(browser, "root", administrator=True)
    olga = await somebody(browser, "olga", default="owner")
    rita = await somebody(browser, "rita", default="reader")

    page = (await root.get("/")).text
    for told in ("A job has failed.", "announces other bytes for demo-1.0", "It answered 500."):
        assert told in page
    page = (await olga.get("/")).text
    assert "announces other bytes" in page
    assert "It answered 500." in page
    assert "job has failed" not in page
    for person in (rita, Person(browser, peer="127.0.0.1")):
        page = (await person.get("/")).text
        for told in ("failed", "announces other bytes", "500"):
            assert told not in page


async def test_all_is_well_and_nothing_is_said(browser, upstream):
    await mirror(browser, upstream)
    root = await somebody(browser, "root", administrator=True)
    assert 'id="attention"' not in (await root.get("/")).text


async def test_as_many_queries_however_much_is_not_well(browser, upstream):
    for name in ("one", "two", "three"):
        await mirror(browser, upstream, name)
    root = await somebody(browser, "root", administrator=True)
    before = len(await queries_of(root, "/"))
    await in_thread(lambda: (File.objects.update(announced="f" * 64), Job.objects.update(state="failed")))
    for number in range(9):
        await mirror(browser, upstream, f"more{number}")
    await in_thread(lambda: File.objects.update(announced="f" * 64))
    assert len(await queries_of(root, "/")) == before < 20
    assert "There are more such files." in (await root.get("/")).text
