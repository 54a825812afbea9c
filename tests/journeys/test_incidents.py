"""Incidents as they happened, from the first download to the list of who has it: what everybody sees."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from django.conf import settings
from django.core import mail

from distributions import wheel
from localshop.catalog import alarms, credentials, policies, repositories
from localshop.catalog.alarms import MAIL, WEBHOOK
from localshop.catalog.journal import Actor
from localshop.catalog.models import Job, User
from localshop.errors import UpstreamUnavailable
from localshop.index.downloads import write_downloads
from localshop.jobs.tell_alarms import tell_by_mail, tell_webhook
from localshop.mirror.advisories import take_in
from localshop.policies.rules import read
from osv_records import HIGH, packed, record
from pages import JSON, filenames, settled
from people import AWAY, somebody
from threads import in_thread

ME = Actor("test")
PAGE = "/repo/default/demo/"
PEOPLE = "/repositories/default/packages/demo/"


@pytest.fixture
async def root(browser):
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})
    return await somebody(browser, "root", administrator=True)


async def load(*records):
    return await in_thread(take_in, io.BytesIO(packed(*records)), actor=ME, now=1_800_000_000.0)


def url_of(held):
    return f"/repo/default/{held.distribution.path}"


async def page(browser):
    return await browser.get(PAGE, headers=JSON)


async def looked_again(browser, clock):
    """The page, after the upstream was asked anew."""
    clock.forward(700)
    await page(browser)
    await settled(browser)
    return await page(browser)


async def causes():
    return [(one.bad.version, one.bad.cause) for one in await in_thread(alarms.listed)]


async def test_a_malicious_release_that_is_cached_is_reported_later(browser, upstream, root):
    """It was good enough for two builds. From the report on nobody gets it, and one knows who has it."""
    good, bad = upstream.add(wheel("demo", "1.0")), upstream.add(wheel("demo", "1.1"))
    row, secret = await in_thread(lambda: credentials.create_credential(comment="=cmd|'/c calc'!A0"))
    agent = {"User-Agent": "pip/25.1"}
    auth = (row.access_key, secret)
    assert (await browser.get(url_of(bad), auth=auth, peer=AWAY, headers=agent)).status == 200
    assert (await browser.get(url_of(bad))).status == 200
    await write_downloads(browser.application._shop)

    await load(record("MAL-2026-7", "demo", introduced=None, versions=["1.1"]))

    assert filenames(await page(browser)) == [good.filename]
    refused = await browser.get(url_of(bad), auth=auth, peer=AWAY)
    assert (refused.status, refused.headers["x-localshop-refusal"]) == (403, "malicious")
    assert await causes() == [("1.1", "malicious")]
    start = (await root.get("/")).text
    assert "A release that is or was here has turned out bad." in start
    told = (await root.get("/alarms/")).text
    assert "a pass lets it through" not in told
    for seen in ("MAL-2026-7", "demo 1.1", "Who downloaded it", f"{PEOPLE}downloads.csv?version=1.1"):
        assert seen in told
    rows = list(csv.reader(io.StringIO((await root.get(f"{PEOPLE}downloads.csv?version=1.1")).text)))
    assert sorted((line[4], line[5], line[6]) for line in rows[1:]) == [
        ("", "127.0.0.1", ""),
        (row.access_key, AWAY, "pip"),
    ]
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in rows for cell in line)
    shown = (await root.get(PEOPLE)).text
    assert "MAL-2026-7" in shown
    assert '<span class="badge bad">malicious</span>' in shown

    await load(record("MAL-2026-7", "demo", introduced=None, versions=["1.1"], summary="Told better"))
    assert len(await causes()) == 1, "One alarm, however often the advisory is changed."
    number = (await in_thread(alarms.listed))[0].id
    await root.post(f"/alarms/{number}/close/")
    assert await causes() == []
    assert "turned out bad" not in (await root.get("/")).text
    assert "closed by root" in (await root.get("/alarms/?closed")).text


async def test_a_pass_does_not_lift_what_nobody_knew_when_it_was_given(browser, upstream, root):
    """It was given for the cooldown; that the release is malware came out later."""
    held = upstream.add(wheel("demo", "1.0"))
    now = browser.application._shop.now()
    more = {"until": now + 3600, "reason": "needed today", "now": now, "actor": ME}
    await in_thread(policies.let_through, "default", "demo", "1.0", **more)
    await browser.get(url_of(held))

    await load(record("MAL-2026-7", "demo"))

    assert (await browser.get(url_of(held))).status == 403
    assert filenames(await page(browser)) == []
    assert "a pass lets it through" not in (await root.get("/alarms/")).text


async def test_the_page_says_when_a_pass_lets_a_bad_release_through(browser, upstream, root):
    """Somebody has looked, and decided: nobody must overlook it. Another advisory is news again."""
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get(url_of(held))
    await load(record("MAL-2026-7", "demo"))
    now = browser.application._shop.now()
    more = {"until": now + 3600, "reason": "studied in a sandbox", "now": now, "actor": ME}
    await in_thread(policies.let_through, "default", "demo", "1.0", **more)

    assert (await browser.get(url_of(held))).status in {200, 302}
    assert "a pass lets it through" in (await root.get("/alarms/")).text

    await load(record("MAL-2026-7", "demo"), record("MAL-2026-8", "demo"))
    assert (await browser.get(url_of(held))).status == 403

    await in_thread(policies.let_through, "default", "demo", "1.0", **more)
    assert (await browser.get(url_of(held))).status in {200, 302}
    await root.post(f"{PEOPLE}hold", {"version": "1.0", "reason": "bad"})
    assert (await browser.get(url_of(held))).status == 403
    assert "a pass lets it through" not in (await root.get("/alarms/")).text


async def test_a_bad_release_that_nobody_here_has_had_raises_no_alarm(browser, upstream):
    """There are hundreds a week of packages that nobody here has heard of."""
    upstream.add(wheel("demo", "1.0"))
    upstream.add(wheel("demo", "1.1"))
    await page(browser)

    await load(record("MAL-2026-7", "demo", introduced="1.1"), record("PYSEC-2026-1", "demo", vector=HIGH))

    assert await causes() == []


async def test_a_vulnerability_raises_an_alarm_where_there_is_a_rule_about_it(browser, upstream, root):
    """Every second release has one; whoever sets the rule wants to know."""
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get(url_of(held))
    await load(record("PYSEC-2026-1", "demo", vector=HIGH))
    assert await causes() == []

    await in_thread(
        policies.save_rules,
        "default",
        read({"vulnerable": {"severity": "high", "mode": "watched"}}),
        actor=ME,
    )
    await load(record("PYSEC-2026-1", "demo", vector=HIGH), record("PYSEC-2026-2", "demo", vector=HIGH))

    assert await causes() == [("1.0", "vulnerable"), ("1.0", "vulnerable")]


async def test_a_file_is_swapped_upstream(browser, upstream, root, clock):
    """The account was taken over and the file replaced: who asks here gets the bytes of before, or none."""
    held = upstream.add(wheel("demo", "1.0"))
    first = await browser.get(url_of(held))
    assert first.body == held.distribution.body
    upstream.remove(held.filename)
    upstream.add(wheel("demo", "1.0", readme="Other bytes."))

    again = await looked_again(browser, clock)

    assert [file["hashes"]["sha256"] for file in again.json()["files"]] == [held.distribution.sha256]
    assert (await browser.get(url_of(held))).body == held.distribution.body
    assert ("1.0", "swapped") in await causes()
    assert "announces other bytes" in (await root.get("/alarms/")).text


async def test_a_version_is_deleted_upstream(browser, upstream, root, clock):
    """Builds go on with what is here; somebody is told, and can hold it back with one button."""
    held, good = upstream.add(wheel("demo", "1.0")), upstream.add(wheel("demo", "2.0"))
    await browser.get(url_of(held))
    upstream.remove(held.filename)

    again = await looked_again(browser, clock)

    assert set(filenames(again)) == {held.filename, good.filename}
    assert (await browser.get(url_of(held))).status == 200
    assert await causes() == [("1.0", "deleted")]
    assert "What is here stays" in (await root.get("/alarms/")).text

    form = {"alarms": "1", "version": "1.0", "reason": "why did they delete it?"}
    answer = await root.post(f"{PEOPLE}hold", form)
    assert (answer.status, answer.headers["location"]) == (302, "/alarms/")
    assert filenames(await page(browser)) == [good.filename]
    assert "why did they delete it?" in (await browser.get(url_of(held))).text
    assert set(await causes()) == {("1.0", "held"), ("1.0", "deleted")}

    await root.post(f"{PEOPLE}unhold", {"version": "1.0"})
    assert (await browser.get(url_of(held))).status == 200


async def test_a_project_is_quarantined_and_a_release_yanked_upstream(browser, upstream, root, clock):
    """What the upstream finds out is taken over with the next look, also for files that are here."""
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get(url_of(held))
    upstream.remove(held.filename)
    upstream.add(held.distribution, yanked="leaks passwords")
    await looked_again(browser, clock)
    assert await causes() == [("1.0", "yanked")]

    upstream.status["demo"] = "quarantined"
    again = await looked_again(browser, clock)

    assert filenames(again) == []
    assert (await browser.get(url_of(held))).headers["x-localshop-refusal"] == "quarantined"
    assert set(await causes()) == {("", "quarantined"), ("1.0", "yanked")}
    assert "leaks passwords" in (await root.get("/alarms/")).text


@pytest.mark.parametrize("who", ["owner", "developer"])
async def test_owners_see_alarms_of_their_repositories_alone(browser, upstream, root, who):
    """Who has downloaded what is nobody else's business."""
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get(url_of(held))
    await load(record("MAL-2026-7", "demo"))
    person = await somebody(browser, who, default=who)
    number = (await in_thread(alarms.listed))[0].id

    answer = await person.get("/alarms/")
    closed = await person.post(f"/alarms/{number}/close/")
    held_back = await person.post(f"{PEOPLE}hold", {"version": "1.0", "reason": "bad"})

    if who == "owner":
        assert "MAL-2026-7" in answer.text
        assert (closed.status, held_back.status) == (302, 302)
    else:
        assert (answer.status, closed.status, held_back.status) == (403, 403, 403)
        assert "turned out bad" not in (await person.get("/")).text


@asynccontextmanager
async def webhook(answers):
    """A service that takes alarms; ``answers`` are its next statuses, then 200."""
    taken = []

    async def take(request):
        status = answers.pop(0) if answers else 200
        taken.append((request.headers.get("Authorization"), json.loads(await request.read())))
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    runner = web.ServerRunner(web.Server(take))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://hook:secret@127.0.0.1:{runner.addresses[0][1]}/hooks/key", taken
    finally:
        await runner.cleanup()


async def test_the_webhook_is_told_once_and_again_when_it_failed(browser, upstream, root):
    """A chat that is down for a minute must not swallow an alarm; one that redirects is not followed."""
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get(url_of(held))
    await load(record("MAL-2026-7", "demo"))
    shop = browser.application._shop
    assert {row.name for row in await in_thread(lambda: list(Job.objects.all()))} >= {WEBHOOK, MAIL}

    async with webhook([500, 302]) as (url, taken):
        shop.config = dataclasses.replace(shop.config, alarm_webhook_url=url)
        for _ in range(2):
            with pytest.raises(UpstreamUnavailable) as caught:
                await tell_webhook(shop, {})
            assert "key" not in caught.value.sentence
        await tell_webhook(shop, {})
        await tell_webhook(shop, {})

    assert len(taken) == 3
    authorization, told = taken[-1]
    assert authorization.startswith("Basic ")
    assert "demo 1.0 is malicious, says MAL-2026-7" in told["text"]
    assert [(one["cause"], one["source"]) for one in told["alarms"]] == [("malicious", "MAL-2026-7")]


async def test_administrators_get_a_mail_if_mail_is_set_up(browser, upstream, root, monkeypatch):
    """One mail for many alarms, to those who can do something, and nobody sees the others' addresses."""
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get(url_of(held))
    await load(record("MAL-2026-7", "demo"), record("MAL-2026-8", "demo"))
    await in_thread(User.objects.filter(username="root").update, email="root@example.com")
    shop = browser.application._shop
    shop.config = dataclasses.replace(shop.config, email_url="smtp://mail.example.com")

    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.locmem.EmailBackend")
    monkeypatch.setattr(mail, "outbox", [], raising=False)

    await tell_by_mail(shop, {})
    await tell_by_mail(shop, {})

    assert [(one.to, one.bcc) for one in mail.outbox] == [([], ["root@example.com"])]
    assert mail.outbox[0].subject == "localshop: malicious: demo 1.0 and 1 more"
    assert "MAL-2026-8" in mail.outbox[0].body


async def test_old_alarms_are_not_told_to_who_is_set_up_later(browser, upstream, root):
    """The first message of a new webhook is news."""
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get(url_of(held))
    await load(record("MAL-2026-7", "demo"))
    shop = browser.application._shop
    await tell_webhook(shop, {})

    async with webhook([]) as (url, taken):
        shop.config = dataclasses.replace(shop.config, alarm_webhook_url=url)
        await tell_webhook(shop, {})
        assert taken == []
