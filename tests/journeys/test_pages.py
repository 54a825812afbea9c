"""Project pages: looked up once, kept, refreshed behind, and never lost to an upstream's trouble."""

from __future__ import annotations

import asyncio

import pytest

from asgi_client import Browser
from databases import SERVER
from distributions import sdist, wheel
from fake_upstream import FakeUpstream
from localshop.asgi import FrontDoor
from localshop.catalog import projects, repositories
from localshop.catalog.models import ShelvedPage
from localshop.mirror.locate import locate
from localshop.mirror.page import page
from pages import JSON, filenames, settled
from threads import in_thread


async def test_a_project_never_asked_for_is_looked_up_and_kept(browser, upstream):
    """Nothing has to be configured for a project: the first who asks for it gets it."""
    upstream.add(wheel("Demo", "1.0"))

    first = await browser.get("/repo/default/demo/", headers=JSON)
    again = await browser.get("/repo/default/demo/", headers=JSON)

    assert first.status == 200
    assert filenames(first) == ["demo-1.0-py3-none-any.whl"]
    assert again.body == first.body
    assert upstream.count("/simple/demo/") == 1


@pytest.mark.parametrize("html_only", [False, True])
@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("etags", [False, True])
async def test_every_kind_of_upstream_gives_the_same_page(browser, upstream, html_only, relative, etags):
    """What clients see does not depend on how the upstream speaks."""
    upstream.html_only, upstream.relative, upstream.etags = html_only, relative, etags
    held = upstream.add(wheel("demo", "1.0"), upload_time="2024-01-02T03:04:05.000006Z", yanked="broken")

    [file] = (await browser.get("/repo/default/demo/", headers=JSON)).json()["files"]

    assert file["url"] == f"/repo/default/{held.distribution.path}"
    assert file["hashes"] == {"sha256": held.distribution.sha256}
    assert file["upload-time"] == "2024-01-02T03:04:05.000006Z"
    assert file["yanked"] == "broken"
    assert file["core-metadata"]


async def test_a_stale_page_is_refreshed_once_however_often_it_is_asked_for(browser, upstream, clock):
    """An upstream that hangs would otherwise fill the memory with trips that wait for each other."""
    upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)
    upstream.fault("/simple/*", hang=True)
    clock.forward(3600)
    for _ in range(50):
        assert (await browser.get("/repo/default/demo/", headers=JSON)).status == 200
    assert len(browser.application._shop._behind) == 1
    upstream.heal()
    await settled(browser)
    assert browser.application._shop._behind_once == set()


async def test_a_stale_page_is_served_once_more_while_it_is_refreshed(browser, upstream, clock):
    """Nobody waits for an upstream when there is something to show."""
    upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/", headers=JSON)
    upstream.add(wheel("demo", "2.0"))
    clock.forward(601)

    stale = await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)
    fresh = await browser.get("/repo/default/demo/", headers=JSON)

    assert len(filenames(stale)) == 1
    assert len(filenames(fresh)) == 2
    assert upstream.seen("/simple/demo/")[-1].headers["If-None-Match"]


async def test_an_unchanged_page_keeps_its_etag(browser, upstream, clock):
    """Clients that have the page are told 304 for as long as it says the same."""
    upstream.etags = False
    upstream.add(wheel("demo", "1.0"))
    first = await browser.get("/repo/default/demo/", headers=JSON)
    clock.forward(601)
    await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)

    again = await browser.get("/repo/default/demo/", headers={**JSON, "If-None-Match": first.headers["etag"]})

    assert again.status == 304
    assert again.headers["etag"] == first.headers["etag"]
    assert upstream.count("/simple/demo/") == 2


async def test_a_known_page_outlives_its_upstream(browser, upstream, clock):
    """When the upstream is down builds go on."""
    upstream.add(wheel("demo", "1.0"))
    first = await browser.get("/repo/default/demo/", headers=JSON)
    upstream.stop()
    clock.forward(100_000)

    for _ in range(3):
        answer = await browser.get("/repo/default/demo/", headers=JSON)
        assert (answer.status, answer.body) == (200, first.body)
        await settled(browser)
        clock.forward(11)


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 403}, {"cut": 20}, {"bad_gzip": True}])
async def test_an_upstream_that_fails_is_never_taken_for_one_that_has_nothing(browser, upstream, fault):
    """A false "not found" sends clients to the next index, where anybody may own the name."""
    upstream.add(wheel("demo", "1.0"))
    upstream.fault("/simple/*", **fault)

    answer = await browser.get("/repo/default/demo/", headers=JSON)

    assert answer.status == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 5
    assert answer.headers["cache-control"] == "no-store"
    upstream.heal()
    assert (await browser.get("/repo/default/demo/", headers=JSON)).status == 200


async def test_a_name_that_nobody_has_is_asked_for_once_a_minute(browser, upstream, clock):
    """Typos cost the upstream little, and a project that appears is seen within a minute."""
    assert (await browser.get("/repo/default/demo/")).status == 404
    assert (await browser.get("/repo/default/demo/")).status == 404
    assert upstream.count("/simple/demo/") == 1
    upstream.add(wheel("demo", "1.0"))
    clock.forward(61)

    assert (await browser.get("/repo/default/demo/")).status == 200


async def test_many_who_ask_at_once_make_one_trip(browser, upstream):
    """An empty mirror and fifty builds do not mean fifty requests upstream."""
    upstream.add(wheel("demo", "1.0"))
    upstream.fault("/simple/*", hang=True)
    asking = [asyncio.create_task(browser.get("/repo/default/demo/", headers=JSON)) for _ in range(50)]
    while not upstream.count("/simple/demo/"):
        await asyncio.sleep(0.01)
    upstream.heal()

    answers = await asyncio.gather(*asking)

    assert {answer.status for answer in answers} == {200}
    assert upstream.count("/simple/demo/") == 1


async def test_the_first_upstream_that_has_a_project_answers_for_it_alone(browser, upstream, repository):
    """Files of two upstreams are never mixed, or the second could add to a project of the first."""
    from fake_upstream import FakeUpstream

    with FakeUpstream() as second:
        upstream.add(wheel("demo", "1.0"))
        second.add(wheel("demo", "99.0"))
        second.add(wheel("other", "1.0"))
        await in_thread(
            repositories.edit_repository, "default", upstreams=[upstream.url, second.url], changes={}
        )

        demo = await browser.get("/repo/default/demo/", headers=JSON)
        other = await browser.get("/repo/default/other/", headers=JSON)

        assert filenames(demo) == ["demo-1.0-py3-none-any.whl"]
        assert filenames(other) == ["other-1.0-py3-none-any.whl"]
        assert second.count("/simple/demo/") == 0
        upstream.stop()
        assert (await browser.get("/repo/default/unknown/")).status == 503
        assert second.count("/simple/unknown/") == 0


async def test_who_came_before_the_upstreams_changed_places_leaves_nothing_behind(
    browser, upstream, repository
):
    """What answered first for him must not answer for others, whom an administrator has told otherwise."""

    async def put_in_order(*urls):
        await in_thread(repositories.edit_repository, "default", upstreams=urls, changes={})

    with FakeUpstream() as second:
        held = upstream.add(wheel("demo", "1.0"))
        second.add(wheel("demo", "99.0"))
        await put_in_order(second.url, upstream.url)
        await browser.get("/repo/default/demo/", headers=JSON)
        await put_in_order(upstream.url, second.url)
        await browser.get("/repo/default/demo/", headers=JSON)
        before = browser.application._gate.repository("default")
        await put_in_order(second.url, upstream.url)

        shop, one = browser.application._shop, held.distribution
        place = one.path.removeprefix("packages/").rpartition("/")[0]
        assert await locate(shop, before, place, one.filename) is not None
        page = await browser.get("/repo/default/demo/", headers=JSON)

    assert filenames(page) == ["demo-99.0-py3-none-any.whl"]


async def test_a_page_that_was_begun_before_the_upstreams_changed_places_is_not_kept_for_others(
    browser, upstream, repository
):
    """Else the files of the one that was first would be shown until the project changes."""
    with FakeUpstream() as second:
        upstream.add(wheel("demo", "1.0"))
        second.add(wheel("demo", "99.0"))
        for urls in ([second.url, upstream.url], [upstream.url, second.url]):
            await in_thread(repositories.edit_repository, "default", upstreams=urls, changes={})
            await browser.get("/repo/default/demo/", headers=JSON)
        shop, before = browser.application._shop, browser.application._gate.repository("default")
        await in_thread(
            repositories.edit_repository, "default", upstreams=[second.url, upstream.url], changes={}
        )
        token = await shop.reads.token(before.id, "demo")
        begun = await page(shop, before, "demo", token=token, form="json")
        await settled(browser)
        answer = await browser.get("/repo/default/demo/", headers=JSON)

    assert b"demo-1.0-" in begun.plain()
    assert b"demo-1.0-" not in answer.body


@pytest.mark.parametrize("accept", ["application/vnd.pypi.simple.v1+json", "text/html"])
@pytest.mark.parametrize("status", ["active", "archived", "quarantined"])
async def test_the_first_page_of_a_project_is_the_one_that_is_made_ever_after(
    browser, upstream, accept, status
):
    """It is made in another way, and a client that meets two workers would see the page change."""
    upstream.add(wheel("demo", "1.0", requires_python=">=3.8"), yanked="broken")
    upstream.add(wheel("demo", "1.0", tag="cp39-cp39-win_amd64"), metadata="absent")
    upstream.add(sdist("demo", "2.0"), upload_time=None)
    upstream.status["demo"] = status
    first = await browser.get("/repo/default/demo/", headers={"Accept": accept})
    await settled(browser)
    await in_thread(ShelvedPage.objects.all().delete)
    async with Browser(FrontDoor()) as other_worker:
        again = await other_worker.get("/repo/default/demo/", headers={"Accept": accept})

    assert (first.status, first.body) == (200, again.body)
    assert first.headers["etag"] == again.headers["etag"]


async def test_keys_that_nobody_knows_yet_are_kept(browser, upstream):
    """A newer standard upstream reaches newer clients without a new localshop."""
    upstream.extra = {"future": {"a": [1]}, "_private": 1, "alternate-locations": ["x"]}
    upstream.add(wheel("demo", "1.0"), extra={"new-key": "value", "_secret": 2})

    page = (await browser.get("/repo/default/demo/", headers=JSON)).json()

    assert page["future"] == {"a": [1]}
    assert page["files"][0]["new-key"] == "value"
    assert not {"_private", "alternate-locations"} & set(page)
    assert "_secret" not in page["files"][0]


async def test_a_quarantined_project_offers_no_files_but_is_there(browser, upstream):
    """PEP 792; with a 404 the client would look for the name elsewhere."""
    held = upstream.add(wheel("demo", "1.0"))
    upstream.status["demo"] = "quarantined"

    page = await browser.get("/repo/default/demo/", headers=JSON)
    file = await browser.get(f"/repo/default/{held.distribution.path}")
    metadata = await browser.get(f"/repo/default/{held.distribution.path}.metadata")

    assert page.status == 200
    assert page.json()["files"] == []
    assert page.json()["project-status"]["status"] == "quarantined"
    assert (file.status, metadata.status) == (403, 403)
    assert file.text.startswith("quarantined: ")


async def test_reserved_names_are_never_told_to_an_upstream(browser, upstream):
    """Dependency confusion: whoever takes the name on PyPI gains nothing."""
    held = upstream.add(wheel("acme-secret", "99.0"))
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"reserved": ["acme-*"]})

    for name in ("acme-secret", "acme-other"):
        page = await browser.get(f"/repo/default/{name}/", headers=JSON)
        assert (page.status, page.json()["files"]) == (200, [])
    assert (await browser.get(f"/repo/default/{held.distribution.path}")).status == 404
    assert (await browser.get(f"/repo/default/{held.distribution.path}.metadata")).status == 404
    assert upstream.count() == 0


async def test_offline_shows_what_is_stored_and_asks_nobody(browser, upstream, clock, set_config):
    """Without an upstream a page must not offer what cannot be had."""
    held = upstream.add(wheel("demo", "1.0"))
    upstream.add(wheel("demo", "2.0"))
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})
    await browser.get("/repo/default/demo/", headers=JSON)
    assert (await browser.get(f"/repo/default/{held.distribution.path}")).status == 200
    upstream.forget()
    set_config(offline=True)
    clock.forward(100_000)

    page = await browser.get("/repo/default/demo/", headers=JSON)

    assert filenames(page) == ["demo-1.0-py3-none-any.whl"]
    assert (await browser.get(f"/repo/default/{held.distribution.path}.metadata")).status == 200
    assert (await browser.get("/repo/default/unknown/")).status == 404
    assert upstream.count() == 0


async def test_what_the_upstream_deletes_stays_here(browser, upstream, clock):
    """Lock files go on working: what was fetched once is kept."""
    held = upstream.add(wheel("demo", "1.0"))
    upstream.add(sdist("demo", "2.0"))
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})
    await browser.get("/repo/default/demo/", headers=JSON)
    await browser.get(f"/repo/default/{held.distribution.path}")
    upstream.remove(held.filename)
    clock.forward(601)
    await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)

    page = await browser.get("/repo/default/demo/", headers=JSON)

    assert sorted(filenames(page)) == ["demo-1.0-py3-none-any.whl", "demo-2.0.tar.gz"]
    assert (await browser.get(f"/repo/default/{held.distribution.path}")).status == 200


async def test_a_project_that_is_gone_upstream_and_was_never_fetched_is_gone(browser, upstream, clock):
    """An empty page would tell clients that the project exists."""
    upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/", headers=JSON)
    upstream._held.clear()
    clock.forward(601)
    await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)

    assert (await browser.get("/repo/default/demo/")).status == 404
    assert (await browser.get("/repo/default/")).text.count("<a ") == 0


async def test_the_project_list_names_what_is_known(browser, upstream):
    upstream.add(wheel("Demo.Name", "1.0"))
    await browser.get("/repo/default/demo-name/")
    await browser.get("/repo/default/unknown/")

    html = await browser.get("/repo/default/")
    json = await browser.get("/simple/", headers=JSON)

    assert '<a href="demo-name/">demo-name</a>' in html.text
    assert json.json()["projects"] == [{"name": "demo-name"}]


async def test_editing_a_repository_is_seen_by_the_next_request(browser, upstream):
    upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/")
    await in_thread(repositories.edit_repository, "default", upstreams=[], changes={})

    assert (await browser.get("/repo/default/demo/")).status == 404


async def test_a_page_of_another_time_is_not_served_for_a_private_project(browser, upstream):
    """A project that became private answers from our own files only, at once."""
    upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/")
    shop = browser.application._shop
    repository = browser.application._gate.repository("default")
    project = await shop.run(projects.project, repository.id, "demo")
    await shop.run(projects.become, project.id, "private")

    page = await browser.get("/repo/default/demo/", headers=JSON)

    assert (page.status, page.json()["files"]) == (200, [])


async def test_what_was_fetched_is_not_waited_for_but_what_is_promised_is(browser, upstream):
    """Pages can be fetched again, so the disk is not waited for; an upload must survive a power cut."""
    from django.db import connection

    from localshop.catalog.durability import fetched_again

    def levels():
        with connection.cursor() as cursor:
            if SERVER:
                # That of the tests' own server waits for no disk.
                cursor.execute("SET synchronous_commit TO on")

            def level():
                cursor.execute("SHOW synchronous_commit" if SERVER else "PRAGMA synchronous")
                return cursor.fetchone()[0]

            found = [level()]
            with fetched_again():
                found.append(level())
            return [*found, level()]

    assert await in_thread(levels) == (["on", "off", "on"] if SERVER else [2, 1, 2])


async def test_a_page_that_was_just_made_is_kept_by_a_process_that_ends(repository, upstream):
    """It is written a moment later, and a restart must not cost everybody a second making."""
    upstream.add(wheel("demo", "1.0"))
    async with Browser(FrontDoor()) as ending:
        await ending.get("/repo/default/demo/", headers=JSON)
    assert await in_thread(ShelvedPage.objects.count) == 1
