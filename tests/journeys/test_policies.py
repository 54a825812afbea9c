"""Rules at work: incidents as they happened elsewhere, dry runs, what the journal keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from distributions import sdist, wheel
from localshop.catalog import credentials, downloads, policies, queue, repositories
from localshop.catalog.journal import Actor
from localshop.catalog.models import Event, File, Job, ShelvedPage
from localshop.jobs.registry import jobs
from localshop.policies.rules import NO_RULES, read
from localshop.shelf.rehearsal import rehearse
from pages import JSON, filenames, settled
from threads import in_thread
from upload_form import upload_of

DAY = 86_400
ME = Actor("test", "192.0.2.1")
PAGE = "/repo/default/demo/"
JOBS = jobs(offline=False)


def ago(**before):
    return f"{datetime.now(UTC) - timedelta(**before):%Y-%m-%dT%H:%M:%S.%fZ}"


def url_of(held):
    return f"/repo/default/{held.distribution.path}"


async def save(**told):
    await in_thread(policies.save_rules, "default", read(told), actor=ME)


async def run_jobs(browser):
    """Do what the job process would do."""
    shop = browser.application._shop
    while (claim := await shop.run(queue.claim, "test", now=shop.now(), names=list(JOBS))) is not None:
        await JOBS[claim.name](shop, claim.payload)
        await shop.run(queue.done, claim, now=shop.now())


async def stored():
    return await in_thread(File.objects.exclude(blob=None).count)


async def test_a_hijacked_release_is_pulled_before_anybody_gets_it(browser, upstream, clock):
    """An account is taken over, and the release is out for hours. With a cooldown nobody here has had it."""
    good = upstream.add(wheel("demo", "1.0"), upload_time=ago(days=90))
    bad = upstream.add(wheel("demo", "1.0.1"), upload_time=ago(hours=1))
    await save(cooldown={"days": 3})

    page = await browser.get(PAGE, headers=JSON)
    direct = await browser.get(url_of(bad))
    metadata = await browser.get(f"{url_of(bad)}.metadata")

    assert filenames(page) == [good.filename]
    assert page.json()["versions"] == ["1.0"]
    assert (direct.status, metadata.status) == (403, 403)
    assert direct.headers["x-localshop-refusal"] == "cooldown"
    assert direct.headers["x-localshop-until"].endswith("Z")
    why = (await browser.get(f"{PAGE}why")).json()
    assert [(one["filename"], one["rule"]) for one in why["hidden"]] == [(bad.filename, "cooldown")]
    await run_jobs(browser)
    assert upstream.count(f"/{bad.distribution.path}*") == 0

    upstream.remove(bad.filename)
    clock.forward(4 * DAY)
    await browser.get(PAGE, headers=JSON)
    await settled(browser)
    assert filenames(await browser.get(PAGE, headers=JSON)) == [good.filename]
    assert (await browser.get(url_of(bad))).status == 404


async def test_a_typo_installs_nothing_until_somebody_has_looked(browser, upstream):
    """Names that nobody here has used wait; what was used before goes on."""
    used = upstream.add(wheel("requests", "2.0"))
    typo = upstream.add(wheel("reqeusts", "2.0"))
    await browser.get(url_of(used))
    await save(**{"first-seen": {}})

    assert filenames(await browser.get("/repo/default/requests/", headers=JSON)) == [used.filename]
    held = await browser.get("/repo/default/reqeusts/", headers=JSON)
    assert (held.status, filenames(held)) == (200, [])
    assert (await browser.get(url_of(typo))).headers["x-localshop-refusal"] == "first-seen"
    assert await in_thread(Job.objects.filter(name="mirror-file").count) == 1

    await in_thread(policies.approve, "default", "reqeusts", rule="first-seen", reason="it is real", actor=ME)
    assert filenames(await browser.get("/repo/default/reqeusts/", headers=JSON)) == [typo.filename]
    assert (await browser.get(url_of(typo))).status == 302


async def test_dependency_confusion_meets_our_own_package_alone(browser, upstream):
    """Somebody publishes our name on PyPI with a higher version; no rule has to be set against it."""
    row, secret = await in_thread(credentials.create_credential, upload=True)
    theirs = upstream.add(wheel("acme-tools", "99.0"), upload_time=ago(days=90))
    mine = wheel("acme-tools", "1.0")
    headers, body = upload_of(mine)
    auth = (row.access_key, secret)
    await browser.ask("POST", "/repo/default/", headers=headers, body=body, auth=auth, peer="203.0.113.9")
    await save(cooldown={"days": 30}, **{"first-seen": {}}, allow={"entries": ["acme-tools"]})

    page = await browser.get("/repo/default/acme-tools/", headers=JSON)

    assert filenames(page) == [mine.filename]
    assert (await browser.get(url_of(theirs))).status == 404
    assert upstream.count() == 0


async def test_what_upstream_deletes_stays_and_is_marked_until_it_is_hidden(browser, upstream, clock):
    """Builds go on; whoever wants to be warned sees it, whoever wants it hidden has a rule."""
    kept = upstream.add(wheel("demo", "1.0"))
    gone = upstream.add(wheel("demo", "2.0"))
    for one in (kept, gone):
        await browser.get(url_of(one))
    await run_jobs(browser)
    upstream.remove(gone.filename)
    clock.forward(601)
    await browser.get(PAGE, headers=JSON)
    await settled(browser)

    assert len(filenames(await browser.get(PAGE, headers=JSON))) == 2
    since = await in_thread(lambda: File.objects.get(filename=gone.filename).gone)
    assert abs(since - browser.application._shop.now()) < 60
    assert "gone upstream since" in (await browser.get("/repositories/default/packages/demo/")).text
    await save(gone={})
    assert filenames(await browser.get(PAGE, headers=JSON)) == [kept.filename]

    # The whole project goes.
    upstream._held.pop("demo")
    clock.forward(601)
    await browser.get(PAGE, headers=JSON)
    await settled(browser)
    assert await in_thread(File.objects.filter(gone=None).count) == 0
    assert filenames(await browser.get(PAGE, headers=JSON)) == []
    await save()
    assert len(filenames(await browser.get(PAGE, headers=JSON))) == 2
    await save(gone={})

    # It was a mistake there, and is back.
    upstream.add(kept.distribution)
    upstream.add(gone.distribution)
    clock.forward(601)
    await browser.get(PAGE, headers=JSON)
    await settled(browser)
    assert len(filenames(await browser.get(PAGE, headers=JSON))) == 2


async def test_the_worker_does_not_fetch_what_was_hidden_since_it_was_asked_for(browser, upstream):
    held = upstream.add(wheel("demo", "1.0"))
    assert (await browser.get(url_of(held))).status == 302
    await save(block={"entries": ["demo"]})

    await run_jobs(browser)

    assert await stored() == 0
    assert upstream.count("/packages/*") == 0


async def test_a_page_that_lies_ready_is_not_made_anew_by_rules_that_come_and_go(browser, upstream):
    """Other rules make another page; the old one is good again when they are taken back."""
    upstream.add(wheel("demo", "1.0"))
    first = await browser.get(PAGE, headers=JSON)
    await save(yanked={})
    second = await browser.get(PAGE, headers=JSON)
    await save()
    third = await browser.get(PAGE, headers=JSON)
    assert first.headers["etag"] == second.headers["etag"] == third.headers["etag"]
    await settled(browser)
    assert await in_thread(ShelvedPage.objects.count) == 1


async def test_what_is_hidden_for_want_of_a_licence_is_looked_up_by_itself(browser, upstream):
    """Nobody can ask for the metadata of what is hidden; without help it would be hidden for ever."""
    free = upstream.add(wheel("demo", "1.0", fields={"License-Expression": "MIT"}))
    upstream.add(wheel("demo", "2.0", fields={"License-Expression": "GPL-3.0-only"}))
    upstream.add(wheel("demo", "3.0"))
    await save(licences={"allow": ["MIT"], "unknown": "hide"})

    assert filenames(await browser.get(PAGE, headers=JSON)) == []
    await settled(browser)

    assert filenames(await browser.get(PAGE, headers=JSON)) == [free.filename]
    why = (await browser.get(f"{PAGE}why")).json()["hidden"]
    assert {(one["version"], one["slug"]) for one in why} == {("2.0", "licence"), ("3.0", "licence-unknown")}
    await settled(browser)
    assert upstream.count("/packages/*.metadata") == 3
    assert upstream.count("/packages/*.whl") == 0


async def test_rules_and_passes_are_journaled_with_what_was_before(browser):
    await save(cooldown={"days": 7})
    await save(cooldown={"days": 3}, yanked={})
    now = browser.application._shop.now()
    more = {"until": now + DAY, "reason": "a fix", "now": now, "actor": ME}
    await in_thread(policies.let_through, "default", "Demo", "1.0", **more)
    await in_thread(policies.let_through, "default", "demo", "1.0", **more | {"reason": "another"})
    await in_thread(policies.end_pass, "default", "demo", "1.0", actor=ME)

    lines = await in_thread(lambda: list(Event.objects.order_by("id")))

    passes = ["pass-given", "pass-changed", "pass-ended"]
    assert [one.action for one in lines] == ["rules-changed", "rules-changed", *passes]
    assert {(one.who, one.address, one.repository) for one in lines} == {("test", "192.0.2.1", "default")}
    assert lines[1].detail == {
        "before": {"cooldown": {"days": 7, "mode": "enforced"}, "yanked": None},
        "after": {"cooldown": {"days": 3, "mode": "enforced"}, "yanked": {"mode": "enforced"}},
    }
    assert (lines[2].project, lines[2].subject, lines[2].detail["before"]) == ("demo", "1.0", None)
    assert [one.detail["after"]["reason"] for one in lines[2:4]] == ["a fix", "another"]
    assert lines[3].detail["before"]["reason"] == "a fix"


@pytest.mark.parametrize("version", ["", "latest", "1.0 "])
async def test_a_pass_needs_a_version_a_reason_and_an_end_to_come(repository, version):
    from localshop.errors import BadInput

    good = {"until": 2000.0, "reason": "a fix", "now": 1000.0, "actor": ME}
    for project, wrong in (("demo", {"until": 1000.0}), ("demo", {"reason": " "}), ("-demo", {})):
        with pytest.raises(BadInput):
            await in_thread(policies.let_through, "default", project, "1.0", **good | wrong)
    if version != "1.0 ":
        with pytest.raises(BadInput):
            await in_thread(policies.let_through, "default", "demo", version, **good)


async def test_a_rehearsal_judges_each_download_by_its_day_and_changes_nothing(browser, upstream):
    """An owner sees what a cooldown would have cost before anybody has to live with it."""
    shop = browser.application._shop
    old = upstream.add(wheel("demo", "1.0"), upload_time=ago(days=200))
    new = upstream.add(wheel("demo", "2.0"), upload_time=ago(days=10))
    built = upstream.add(sdist("other", "1.0"), upload_time=ago(days=200))
    for one in (old, new, built):
        await browser.get(url_of(one))
    await note(shop, {old: [(20, 5), (0, 7)], new: [(9, 3), (1, 4)], built: [(40, 2), (2, 6)]})
    one = await in_thread(repositories.repository, "default")

    async def met(told, days=30):
        found = await in_thread(rehearse, one, read(told), days=days, now=shop.now())
        lines = [(each.project, each.version, each.verdict.rule, each.downloads) for each in found.met]
        return found.downloads, found.refused, lines

    assert await met({}) == (25, 0, [])
    assert await met({"cooldown": {"days": 5}}) == (25, 3, [("demo", "2.0", "cooldown", 3)])
    assert await met({"cooldown": {"days": 5, "mode": "watched"}}) == (
        25,
        0,
        [("demo", "2.0", "cooldown", 3)],
    )
    assert await met({"kinds": {"hide": ["sdist"]}}, days=60) == (27, 8, [("other", "1.0", "kinds", 8)])
    assert await met({"kinds": {"hide": ["sdist"]}, "allow": {"entries": ["other"]}}) == (25, 0, [])
    downloads_of_new_names = [("demo", "1.0", "first-seen", 12), ("demo", "2.0", "first-seen", 7)]
    assert (await met({"first-seen": {}}))[2] == [*downloads_of_new_names, ("other", "1.0", "first-seen", 6)]
    assert (await in_thread(repositories.repository, "default")).rules == NO_RULES


async def note(shop, given):
    """Write down that files were given out, so many days ago so many times."""
    from localshop.catalog.records import Given, Tally

    today = downloads.day_number(shop.now())
    tallies = {}
    for held, days in given.items():
        *path, filename = held.distribution.path.removeprefix("packages/").split("/")
        for before, amount in days:
            one = Given(today - before, "default", "/".join(path), filename, "", "", "", "pip")
            tallies[one] = Tally(amount, shop.now() - before * DAY)
    await in_thread(downloads.note, tallies)
