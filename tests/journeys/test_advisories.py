"""Advisories at work: taken in, they hide what does harm everywhere, and nothing else changes."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from datetime import UTC, datetime

import pytest
from aiohttp import web

from distributions import wheel
from localshop.catalog import alarms, credentials, held, networks, policies, repositories
from localshop.catalog.content import Change
from localshop.catalog.journal import Actor
from localshop.catalog.models import Advisory, Event
from localshop.errors import BadInput, UpstreamError
from localshop.jobs.import_advisories import IMPORT_ADVISORIES, import_advisories
from localshop.jobs.registry import jobs
from localshop.mirror.advisories import take_in
from localshop.policies.rules import read
from osv_records import HIGH, LOW, packed, record
from pages import JSON, filenames
from threads import in_thread
from upload_form import upload_of

ME = Actor("test")
NOW = 1_800_000_000.0
PAGE = "/repo/default/demo/"


async def load(*records, now=NOW, all_of_it=False, **extra):
    zip_file = io.BytesIO(packed(*records, **extra))
    return await in_thread(take_in, zip_file, actor=ME, now=now, all_of_it=all_of_it)


async def save(**told):
    await in_thread(policies.save_rules, "default", read(told), actor=ME)


def url_of(one):
    return f"/repo/default/{one.distribution.path}"


async def page(browser, where=PAGE):
    return await browser.get(where, headers=JSON)


async def test_a_malicious_release_is_hidden_in_every_repository_at_once(browser, upstream):
    """Nobody has to set a rule, and no process goes on with the page that it has."""
    good, bad = upstream.add(wheel("demo", "1.0")), upstream.add(wheel("demo", "1.1"))
    await in_thread(
        repositories.create_repository,
        "team",
        upstreams=[upstream.url],
        networks=networks.FIRST_NETWORKS,
        changes={},
    )
    for where in (PAGE, "/repo/team/demo/"):
        assert filenames(await page(browser, where)) == [good.filename, bad.filename]

    await load(record("MAL-2026-1", "Demo", introduced="1.1"))

    for where in (PAGE, "/repo/team/demo/"):
        assert filenames(await page(browser, where)) == [good.filename]
    direct = await browser.get(url_of(bad))
    assert (direct.status, direct.headers["x-localshop-refusal"]) == (403, "malicious")
    assert "MAL-2026-1" in direct.text
    assert (await browser.get(f"{url_of(bad)}.metadata")).status == 403
    assert list((await browser.get("/repo/default/pypi/demo/json")).json()["releases"]) == ["1.0"]
    why = (await browser.get(f"{PAGE}why")).json()["hidden"]
    assert [(one["version"], one["rule"], one["slug"]) for one in why] == [("1.1", "advisories", "malicious")]


async def test_a_withdrawn_advisory_gives_the_release_back(browser, upstream):
    """A false alarm must not hide a package for ever."""
    held_file = upstream.add(wheel("demo", "1.0"))
    other = record("MAL-2026-2", "other")
    await load(record("MAL-2026-1", "demo"), other)
    assert filenames(await page(browser)) == []

    found = await load(record("MAL-2026-1", "demo", withdrawn="2026-11-21T00:00:00Z"), other)

    assert (found.changed, found.projects) == (1, 1)
    assert filenames(await page(browser)) == [held_file.filename]


async def test_only_pages_of_projects_concerned_are_made_again(browser, upstream):
    """An import every hour must not throw away thousands of pages."""
    upstream.add(wheel("demo", "1.0"))
    upstream.add(wheel("other", "1.0"))
    shop = browser.application._shop
    for name in ("demo", "other"):
        await page(browser, f"/repo/default/{name}/")
    repository = await in_thread(repositories.repository, "default")
    before = {name: await shop.reads.token(repository.id, name) for name in ("demo", "other")}

    await load(record("MAL-2026-1", "demo"))
    again = await load(record("MAL-2026-1", "demo"))

    after = {name: await shop.reads.token(repository.id, name) for name in ("demo", "other")}
    assert after["demo"].serial == before["demo"].serial + 1
    assert after["other"].serial == before["other"].serial
    assert (again.changed, again.gone, again.projects) == (0, 0, 0)
    assert await in_thread(Event.objects.filter(action="advisories-imported").count) == 1


async def test_an_own_package_is_not_hidden_for_an_attackers_of_its_name(browser):
    """Names of companies' packages are taken upstream, and those that took them are reported."""
    headers, body = upload_of(wheel("demo", "1.0"))
    row, secret = await in_thread(credentials.create_credential, upload=True)
    auth, peer = (row.access_key, secret), "203.0.113.9"
    answer = await browser.ask("POST", "/repo/default/", headers=headers, auth=auth, peer=peer, body=body)
    assert answer.status == 200, answer

    await load(record("MAL-2026-1", "demo"))

    assert len(filenames(await page(browser))) == 1
    assert await in_thread(alarms.listed) == []


@pytest.mark.parametrize("told", [{"malicious": "show"}, {"mode": "watched"}])
async def test_the_rule_can_be_turned_off_or_only_watched(browser, upstream, told):
    """Whoever studies malware has to get it."""
    bad = upstream.add(wheel("demo", "1.0"))
    await load(record("MAL-2026-1", "demo"))
    assert filenames(await page(browser)) == []

    await save(advisories=told)

    assert filenames(await page(browser)) == [bad.filename]
    watched = (await browser.get(f"{PAGE}why")).json()["watched"]
    assert [one["slug"] for one in watched] == (["malicious"] if "mode" in told else [])


async def test_a_pass_or_the_allow_list_lets_one_through(browser, upstream):
    """Advisories are wrong at times, and a build must not wait until they are mended."""
    bad = [upstream.add(wheel("demo", version)) for version in ("1.0", "2.0")]
    await load(record("MAL-2026-1", "demo"))
    now = browser.application._shop.now()
    more = {"until": now + 3600, "reason": "looked at", "now": now, "actor": ME}
    await in_thread(policies.let_through, "default", "demo", "1.0", **more)
    assert filenames(await page(browser)) == [bad[0].filename]

    await save(allow={"entries": ["demo==2.0"]})

    assert filenames(await page(browser)) == [one.filename for one in bad]


async def test_vulnerable_releases_are_hidden_from_a_severity_on_if_that_is_wanted(browser, upstream):
    """By default a vulnerability hides nothing: every second release has one."""
    for version in ("1.0", "1.5", "2.0"):
        upstream.add(wheel("demo", version))
    await load(
        record("PYSEC-2026-1", "demo", fixed="1.2", vector=HIGH),
        record("PYSEC-2026-2", "demo", fixed="1.6", vector=LOW),
        record("PYSEC-2026-3", "demo", introduced="2.0"),
    )
    assert (await page(browser)).json()["versions"] == ["1.0", "1.5", "2.0"]

    await save(vulnerable={"severity": "high"})
    assert (await page(browser)).json()["versions"] == ["1.5", "2.0"]
    await save(vulnerable={"severity": "low"})
    assert (await page(browser)).json()["versions"] == ["2.0"]
    await save(vulnerable={"severity": "any"})
    assert filenames(await page(browser)) == []


async def test_a_bad_zip_changes_nothing(browser, upstream):
    """A feed that is broken for an hour must not open the door."""
    upstream.add(wheel("demo", "1.0"))
    await load(*(record(f"MAL-2026-{number}", "demo") for number in range(10)))

    for zip_file in (b"", b"<html>", packed(), packed(record("MAL-2026-0", "demo"))):
        with pytest.raises(BadInput):
            await in_thread(take_in, io.BytesIO(zip_file), actor=ME, now=NOW)
    assert await in_thread(Advisory.objects.count) == 10

    found = await load(record("MAL-2026-0", "demo"), all_of_it=True)
    assert (found.advisories, found.gone) == (1, 9)


async def test_records_that_cannot_be_read_take_no_other_away(browser):
    """Which advisory a damaged record was is not known, so none is taken for gone."""
    await load(record("MAL-2026-1", "demo"), record("MAL-2026-2", "other"))

    found = await load(record("MAL-2026-1", "demo"), broken=b"{")

    assert (found.dropped, found.gone) == (1, 0)
    assert await in_thread(Advisory.objects.count) == 2


async def test_a_release_held_by_hand_is_hidden_also_from_an_older_pass(browser, upstream):
    """Somebody let it through last week; today it turned out bad."""
    bad, good = upstream.add(wheel("demo", "1.0")), upstream.add(wheel("demo", "2.0"))
    now = browser.application._shop.now()
    more = {"until": now + 3600, "reason": "a fix", "now": now, "actor": ME}
    await in_thread(policies.let_through, "default", "demo", "1.0", **more)
    await page(browser)
    change = Change("default", "Demo", ME, datetime.now(UTC))

    await in_thread(held.hold, change, "1.0.0", reason="it phones home")

    assert filenames(await page(browser)) == [good.filename]
    direct = await browser.get(url_of(bad))
    assert (direct.status, direct.headers["x-localshop-refusal"]) == (403, "held")
    assert "it phones home" in direct.text

    await in_thread(held.unhold, change, "1.0")
    assert filenames(await page(browser)) == [bad.filename, good.filename]
    with pytest.raises(BadInput, match="not held back"):
        await in_thread(held.unhold, change, "1.0")


class Feed:
    """Where the zip of all advisories is published, with an ETag."""

    def __init__(self):
        self.body, self.status, self.asked = b"", 200, []

    async def answer(self, request):
        etag = f'"{hashlib.sha256(self.body).hexdigest()[:8]}"'
        self.asked.append(request.headers.get("If-None-Match", ""))
        if self.status == 200 and self.asked[-1] == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(status=self.status, body=self.body, headers={"ETag": etag})


@pytest.fixture
async def feed(browser):
    held_feed = Feed()
    runner = web.ServerRunner(web.Server(held_feed.answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    shop = browser.application._shop
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/PyPI/all.zip"
    shop.config = dataclasses.replace(shop.config, advisories_url=url)
    yield held_feed
    await runner.cleanup()


async def test_the_job_fetches_what_has_changed_and_nothing_else(browser, upstream, feed):
    """25 MB every hour, for nothing, would be asked for by every localshop there is."""
    shop = browser.application._shop
    upstream.add(wheel("demo", "1.0"))
    await page(browser)
    feed.body = packed(record("MAL-2026-1", "demo"))

    await import_advisories(shop, {})
    await import_advisories(shop, {})

    assert filenames(await page(browser)) == []
    assert [bool(etag) for etag in feed.asked] == [False, True]
    feed.body = packed(record("MAL-2026-2", "other"))
    await import_advisories(shop, {})
    assert len(filenames(await page(browser))) == 1
    assert len(feed.asked) == 3


@pytest.mark.parametrize("what", ["down", "nonsense", "empty", "nothing"])
async def test_a_feed_that_fails_leaves_what_is_known(browser, upstream, feed, what):
    """What was known to do harm yesterday does so today."""
    shop = browser.application._shop
    upstream.add(wheel("demo", "1.0"))
    feed.body = packed(record("MAL-2026-1", "demo"))
    await import_advisories(shop, {})
    feed.status = 503 if what == "down" else 200
    feed.body = {"empty": packed(), "nothing": b""}.get(what, b"<html>")

    with pytest.raises(UpstreamError):
        await import_advisories(shop, {})

    assert filenames(await page(browser)) == []
    feed.status, feed.body = 200, packed(record("MAL-2026-1", "demo"), record("MAL-2026-2", "demo"))
    shop.upstream._breakers.clear()
    await import_advisories(shop, {})
    assert await in_thread(Advisory.objects.count) == 2


async def test_nobody_is_asked_unless_it_is_set_where(browser, feed):
    """A fresh localshop talks to its upstreams alone, and one that is offline to nobody."""
    shop = browser.application._shop
    shop.config = dataclasses.replace(shop.config, advisories_url="")

    await import_advisories(shop, {})

    assert feed.asked == []
    assert IMPORT_ADVISORIES in jobs(offline=False)
    assert IMPORT_ADVISORIES not in jobs(offline=True)
