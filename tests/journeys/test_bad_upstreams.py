"""An upstream that is old, swapped, slow, out of order or down: nothing wrong is served, nothing is lost."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest

from distributions import Distribution, wheel
from fake_upstream import FakeUpstream, empty, garbage
from localshop.catalog import files, repositories
from localshop.catalog.models import File
from pages import JSON, filenames, settled
from threads import in_thread


@pytest.fixture
async def streaming(repository):
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})


def url_of(held):
    return f"/repo/default/{held.distribution.path}"


def swapped(held) -> Distribution:
    """Other bytes under the same name."""
    return dataclasses.replace(held.distribution, body=held.body + b"\0")


async def test_a_page_that_is_older_than_ours_is_not_taken(browser, upstream, clock):
    """A node of a content network that was left behind must not make releases disappear."""
    upstream.serial = 10
    upstream.add(wheel("demo", "1.0"))
    upstream.add(wheel("demo", "2.0"))
    await browser.get("/repo/default/demo/", headers=JSON)
    upstream.serial = 9
    upstream.remove("demo-2.0-py3-none-any.whl")
    clock.forward(601)
    await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)

    assert len(filenames(await browser.get("/repo/default/demo/", headers=JSON))) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"change": garbage},
        {"change": empty},
        {"change": lambda _: b"<html><body><h1>Welcome to our Wi-Fi</h1><form></form></body></html>"},
        {"change": lambda _: b'{"meta": {"api-version": "1.4"}}'},
        {"change": lambda body: body[: len(body) // 2]},
        {"bad_gzip": True},
        {"cut": 30},
        {"status": 304},
        {"status": 429, "retry_after": "30"},
    ],
)
async def test_what_cannot_be_believed_never_replaces_what_we_have(browser, upstream, clock, fault):
    """Captive portals, cut answers and confused servers are no news of a project."""
    upstream.etags = False
    upstream.add(wheel("demo", "1.0"))
    before = await browser.get("/repo/default/demo/", headers=JSON)
    upstream.fault("/simple/*", **fault)
    clock.forward(601)
    await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)

    after = await browser.get("/repo/default/demo/", headers=JSON)

    assert (after.status, after.body) == (200, before.body)
    assert upstream.count("/simple/demo/") == 2


async def test_a_file_that_was_swapped_upstream_is_refused(browser, upstream, clock, streaming, caplog):
    """Whoever takes over a release must not reach those who have installed it before."""
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/", headers=JSON)
    await browser.get(url_of(held))
    other = upstream.add(swapped(held))
    clock.forward(601)
    await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)

    [file] = (await browser.get("/repo/default/demo/", headers=JSON)).json()["files"]
    refused = await browser.get(url_of(other))

    assert file["hashes"]["sha256"] == held.distribution.sha256
    assert (await browser.get(url_of(held))).body == held.body
    assert (refused.status, refused.text.split(":")[0]) == (403, "digest-changed")
    assert "digest-changed" in {getattr(record, "slug", "") for record in caplog.records} or any(
        "announced with another digest" in record.getMessage() for record in caplog.records
    )
    assert await in_thread(lambda: File.objects.get().announced) == other.distribution.sha256


async def test_the_same_name_in_two_upstreams_never_mixes(browser, upstream, streaming):
    """The URL from a page gives that page's bytes, whichever repository asked first."""
    with FakeUpstream() as second:
        first = upstream.add(wheel("demo", "1.0"))
        other = second.add(swapped(first))
        await in_thread(
            repositories.create_repository,
            "second",
            upstreams=[second.url],
            networks=(await in_thread(repositories.repository, "default")).networks,
            changes={"miss": "stream"},
        )
        for held, slug in ((first, "default"), (other, "second")):
            [file] = (await browser.get(f"/repo/{slug}/demo/", headers=JSON)).json()["files"]
            assert file["hashes"]["sha256"] == held.distribution.sha256
            assert (await browser.get(file["url"])).body == held.body
            wrong = file["url"].replace(f"/{slug}/", "/second/" if slug == "default" else "/default/")
            assert (await browser.get(wrong)).status == 404


async def test_files_on_a_host_of_their_own_need_its_name(browser, upstream, streaming):
    """PyTorch's pages point to another host; ours is asked only when somebody has said so."""
    with FakeUpstream(host="127.0.0.2") as files_host:
        held = files_host.add(wheel("torchy", "2.0+cpu"))
        upstream.add(wheel("torchy", "2.0+cpu"))
        upstream.file_base = files_host.base

        refused = await browser.get(url_of(held))
        assert refused.status == 503
        assert files_host.count() == 0

        host = f"127.0.0.2:{files_host.port}"
        await in_thread(
            repositories.edit_repository, "default", upstreams=None, changes={"file_hosts": [host]}
        )
        assert (await browser.get(url_of(held))).body == held.body


async def test_a_clock_that_is_set_back_makes_nothing_immortal(browser, upstream, clock):
    """A page that is fresh "until tomorrow" would hide a security release."""
    upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/", headers=JSON)
    upstream.add(wheel("demo", "2.0"))
    clock.set(-7200)
    await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)

    assert len(filenames(await browser.get("/repo/default/demo/", headers=JSON))) == 2


async def test_thirty_hanging_requests_upstream_delay_nobody_else(browser, upstream, streaming):
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/", headers=JSON)
    await browser.get(url_of(held))
    upstream.fault("/simple/*", hang=True)
    hanging = [asyncio.create_task(browser.get(f"/repo/default/hang-{number}/")) for number in range(30)]
    async with asyncio.timeout(5):
        while upstream.count("/simple/hang-*") < 30:
            await asyncio.sleep(0.01)
        for path in ("/repo/default/demo/", url_of(held), f"{url_of(held)}.metadata", "/repo/default/"):
            assert (await browser.get(path)).status == 200
    upstream.heal()
    assert {answer.status for answer in await asyncio.gather(*hanging)} == {404}


async def test_a_full_disk_sends_clients_to_the_upstream(browser, upstream, streaming, monkeypatch):
    """No room is no reason to stop anybody's build."""
    import errno
    import os

    held = upstream.add(wheel("demo", "1.0"))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        answer = await browser.get(url_of(held))
    assert (answer.status, answer.headers["location"]) == (302, upstream.file_url(held))
    assert not [*browser.application._shop.store.scratch.glob("*.part")]
    assert (await browser.get(url_of(held))).body == held.body


async def test_a_database_that_takes_no_writes_stops_no_redirect(browser, upstream, monkeypatch):
    from django.db import OperationalError

    held = upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/")

    def locked(*_, **__):
        raise OperationalError("database is locked")

    monkeypatch.setattr(files, "want_file", locked)
    assert (await browser.get(url_of(held))).status == 302


async def test_a_file_that_could_not_be_looked_for_is_not_said_to_be_missing(browser, upstream):
    """At a 404 a lock file's installer gives up for good, at a 503 it comes again."""
    upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/", headers=JSON)
    newer = upstream.add(wheel("demo", "2.0"))
    upstream.fault("/simple/*", status=500)
    for _ in range(2):
        answer = await browser.get(url_of(newer))
        assert (answer.status, int(answer.headers["retry-after"]) <= 5) == (503, True)
        assert (await browser.get(f"{url_of(newer)}.metadata")).status == 503


@pytest.mark.parametrize("fault", [{"hang": True}, {"drip": 20}, {"pause": 1}, None])
async def test_a_known_page_is_served_while_its_upstream_hangs(browser, upstream, clock, fault):
    """Whoever installs what everybody has installed before must not notice that PyPI is away."""
    upstream.gzip = False
    upstream.add(wheel("demo", "1.0"))
    before = await browser.get("/repo/default/demo/", headers=JSON)
    clock.forward(601)
    if fault is None:
        upstream.stop()
    else:
        upstream.etags = False
        upstream.fault("/simple/*", **fault)

    async with asyncio.timeout(5):
        after = [await browser.get("/repo/default/demo/", headers=JSON) for _ in range(3)]

    assert {(answer.status, answer.body) for answer in after} == {(200, before.body)}
    assert after[0].headers["cache-control"] == "no-cache"
    upstream.heal()
    await settled(browser)


async def test_an_upstream_that_is_down_is_not_run_against(browser, upstream, clock):
    """Two hundred builds that go on asking would keep it down."""
    for number in range(20):
        upstream.add(wheel(f"demo-{number}", "1.0"))
        await browser.get(f"/repo/default/demo-{number}/")
    upstream.forget()
    upstream.fault("*", status=503)
    clock.forward(601)

    for request in range(200):
        assert (await browser.get(f"/repo/default/demo-{request % 20}/")).status == 200
    await settled(browser)

    assert upstream.count() <= 10


async def test_a_page_of_thirty_thousand_files_is_served_whole(browser, upstream):
    """Some projects publish each night for years."""
    held = upstream.add(wheel("demo", "1.0"))

    def many(body):
        page = json.loads(body)
        [record] = page["files"]
        page["files"] = [
            {
                **record,
                "filename": f"demo-1.{number}-py3-none-any.whl",
                "url": f"/f/demo-1.{number}-py3-none-any.whl",
            }
            for number in range(30_000)
        ]
        return json.dumps(page).encode()

    upstream.fault("/simple/*", change=many)
    answer = await browser.get("/repo/default/demo/", headers=JSON)
    assert len(filenames(answer)) == 30_000
    assert answer.json()["files"][-1]["hashes"] == {"sha256": held.distribution.sha256}
