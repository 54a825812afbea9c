"""What a rule hides in the page it hides everywhere, in every minute around the moment at which it ends."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from agreeing import agree
from distributions import sdist, wheel
from localshop.catalog import content, credentials, policies, repositories
from localshop.catalog.content import Change
from localshop.catalog.journal import Actor
from localshop.mirror.advisories import take_in
from localshop.policies.reading import moment
from localshop.policies.rules import KINDS, read
from localshop.web import download
from osv_records import HIGH, packed, record
from pages import JSON, settled
from threads import in_thread
from upload_form import upload_of

DAY = 86_400
T0 = moment("2026-06-01T12:00:00Z")
ME = Actor("test")
AROUND = [-120, -60, -1, 0, 1, 60, 120]
OLD = {"upload_time": "2026-01-01T00:00:00.000000Z"}
NEW = {"upload_time": "2026-06-01T12:00:00.250000Z"}


@pytest.fixture
def at(browser, upstream, monkeypatch):
    """Set the clock of the front door, the web interface and the upstream: ``at(seconds since T0)``."""
    shop = browser.application._shop
    clock = SimpleNamespace(now=T0)
    shop.now = upstream.clock = lambda: clock.now
    monkeypatch.setattr(download, "time", SimpleNamespace(time=lambda: clock.now))

    def move(seconds):
        clock.now = T0 + seconds

    return move


@pytest.fixture(autouse=True)
async def _streams(browser):
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})


async def save(**told):
    await in_thread(policies.save_rules, "default", read(told), actor=ME)


async def give_pass(version, until):
    more = {"until": until, "reason": "a fix", "now": T0, "actor": ME}
    await in_thread(policies.let_through, "default", "Demo", version, **more)


def add(upstream, *made, **says):
    return [upstream.add(one, **says).distribution.path for one in made]


async def store(browser, paths):
    for path in paths:
        assert (await browser.get(f"/repo/default/{path}")).status == 200


@pytest.mark.parametrize("stored", [False, True])
async def test_a_cooldown_ends_everywhere_in_the_same_second(browser, upstream, at, stored):
    """A release that is listed can be installed, and one that is refused is not offered."""
    old = add(upstream, wheel("demo", "1.0"), **OLD)
    new = add(upstream, wheel("demo", "2.0"), sdist("demo", "2.0"), **NEW)
    if stored:
        await store(browser, old + new)
    await save(cooldown={"days": 2})

    for seconds in [*AROUND, 0]:
        at(2 * DAY + seconds)
        listed = await agree(browser, "demo", old + new)
        assert len(listed) == (1 if seconds <= 0 else 3), seconds


@pytest.mark.parametrize("says", [{"upload_time": ""}, {"upload_time": "2031-01-01T00:00:00Z"}])
async def test_without_a_time_that_can_be_believed_it_counts_from_when_it_was_seen(
    browser, upstream, at, says
):
    """And the time at which it was seen is not shown as if it were that of the upload."""
    paths = add(upstream, wheel("demo", "1.0"), **says)
    await save(cooldown={"days": 1})
    assert len(await agree(browser, "demo", paths)) == 0
    at(1000)
    paths += add(upstream, wheel("demo", "2.0"), **says)
    await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)
    for seconds in AROUND:
        at(DAY + seconds)
        listed = await agree(browser, "demo", paths)
        await settled(browser)
        assert len(listed) == (0 if seconds < 0 else 1), seconds
    at(DAY + 2000)
    listed = await agree(browser, "demo", paths)
    assert len(listed) == 2
    assert {file.get("upload-time", "") for file in listed.values()} == {says["upload_time"]}


async def test_what_is_blocked_is_gone_with_the_answer_and_back_when_it_is_not(browser, upstream, at):
    paths = add(upstream, wheel("demo", "1.0"), wheel("demo", "2.0"))
    for rules, number in (
        ({}, 2),
        ({"block": {"entries": ["demo<2"]}}, 1),
        ({"block": {"entries": ["*"]}}, 0),
        ({"block": {"entries": ["*"], "mode": "watched"}}, 2),
        ({"block": {"entries": ["*"]}, "allow": {"entries": ["demo>=2"]}}, 1),
        ({"block": {"entries": ["demo"]}, "allow": {"entries": ["demo>=2"]}}, 0),
        ({}, 2),
    ):
        await save(**rules)
        assert len(await agree(browser, "demo", paths)) == number, rules


async def test_a_pass_ends_everywhere_in_the_same_second(browser, upstream, at):
    paths = add(upstream, wheel("demo", "1.0"), wheel("demo", "2.0"))
    await store(browser, paths)
    await save(block={"entries": ["demo"]})
    assert len(await agree(browser, "demo", paths)) == 0
    await give_pass("2.0.0", T0 + 600)
    for seconds in AROUND:
        at(600 + seconds)
        assert len(await agree(browser, "demo", paths)) == (1 if seconds < 0 else 0), seconds
    at(0)
    assert len(await agree(browser, "demo", paths)) == 1
    await in_thread(policies.end_pass, "default", "demo", "2.0.0", actor=ME)
    assert len(await agree(browser, "demo", paths)) == 0


RULES = {
    "block": {"entries": ["demo==2.0"]},
    "freeze": {"date": "2026-05-01"},
    "cooldown": {"days": 30},
    "yanked": {},
    "kinds": {"hide": ["sdist"]},
    "licences": {"deny": ["GPL-*"]},
    "gone": {},
    "first-seen": {},
    "advisories": {"malicious": "hide"},
    "vulnerable": {"severity": "high"},
}
"""Each hides some of what ``every_kind`` makes."""


def test_every_rule_is_tried():
    """A rule that is added to the judge and not here could hide in one place and not in another."""
    assert set(KINDS) == set(RULES)


async def every_kind(browser, upstream, at):
    """A project with something for each rule, all of it here."""
    free = {"License-Expression": "GPL-3.0-only"}
    paths = add(upstream, wheel("demo", "1.0", fields=free), sdist("demo", "1.0"), **OLD)
    paths += add(upstream, wheel("demo", "1.5"), yanked="broken", **OLD)
    paths += add(upstream, wheel("demo", "2.0"), **NEW)
    gone = add(upstream, wheel("demo", "0.9"), **OLD)
    await browser.get("/repo/default/demo/", headers=JSON)
    await store(browser, paths + gone)
    upstream.remove("demo-0.9-py3-none-any.whl")
    at(601)
    await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)
    return paths + gone


HIDES = {
    "block": {"2.0"},
    "freeze": {"2.0"},
    "cooldown": {"2.0"},
    "yanked": {"1.5"},
    "kinds": {"1.0"},
    "licences": {"1.0"},
    "gone": {"0.9"},
    "first-seen": set(),
    "advisories": {"2.0"},
    "vulnerable": {"1.0"},
}
ADVISORIES = {
    "advisories": record("MAL-2026-1", "demo", introduced="2.0"),
    "vulnerable": record("PYSEC-2026-1", "demo", introduced="1.0", fixed="1.1", vector=HIGH),
}


@pytest.mark.parametrize("rule", RULES)
async def test_each_rule_hides_alike_everywhere_and_watches_without_hiding(browser, upstream, at, rule):
    paths = await every_kind(browser, upstream, at)
    assert len(await agree(browser, "demo", paths)) == 5
    if rule in ADVISORIES:
        await in_thread(take_in, io.BytesIO(packed(ADVISORIES[rule])), actor=ME, now=T0, all_of_it=True)
    await save(**{rule: RULES[rule] | {"mode": "watched"}})
    assert len(await agree(browser, "demo", paths)) == 5
    why = (await browser.get("/repo/default/demo/why")).json()
    assert (why["hidden"], {one["version"] for one in why["watched"]}) == ([], HIDES[rule])
    await save(**{rule: RULES[rule]})
    listed = await agree(browser, "demo", paths)
    why = (await browser.get("/repo/default/demo/why")).json()
    assert {(one["rule"], one["version"]) for one in why["hidden"]} == {(rule, one) for one in HIDES[rule]}
    assert len(listed) == 5 - len(why["hidden"])
    await give_pass(min(HIDES[rule], default="1.0"), T0 + DAY)
    assert len(await agree(browser, "demo", paths)) == 5
    at(DAY)
    await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)
    assert await agree(browser, "demo", paths) == listed


async def test_all_rules_together_agree(browser, upstream, at):
    paths = await every_kind(browser, upstream, at)
    await save(**RULES)
    assert await agree(browser, "demo", paths) == {}
    await save(**RULES, allow={"entries": ["demo"]})
    assert len(await agree(browser, "demo", paths)) == 4


async def test_a_name_that_nobody_has_used_waits_for_somebody(browser, upstream, at):
    paths = add(upstream, wheel("demo", "1.0"), **OLD)
    await save(**{"first-seen": {}})
    assert len(await agree(browser, "demo", paths)) == 0
    await in_thread(policies.approve, "default", "demo", rule="first-seen", reason="looked at", actor=ME)
    assert len(await agree(browser, "demo", paths)) == 1
    await in_thread(policies.end_pass, "default", "demo", "", rule="first-seen", actor=ME)
    # Somebody has had it by now.
    assert len(await agree(browser, "demo", paths)) == 1


async def test_private_projects_meet_the_block_list_and_yanks_alone(browser, upstream, at):
    row, secret = await in_thread(credentials.create_credential, upload=True)
    mine = [wheel("demo", "1.0"), sdist("demo", "2.0")]
    for one in mine:
        headers, body = upload_of(one)
        auth = (row.access_key, secret)
        await browser.ask("POST", "/repo/default/", headers=headers, body=body, auth=auth, peer="203.0.113.9")
    paths = [one.path for one in mine]
    harmless = {name: told for name, told in RULES.items() if name != "block"}
    await save(**harmless | {"licences": {"unknown": "hide"}})
    assert len(await agree(browser, "demo", paths)) == 2
    change = Change("default", "demo", ME, datetime.now(UTC))
    await in_thread(content.yank, change, "1.0", reason="")
    assert len(await agree(browser, "demo", paths)) == 1
    await save(**RULES)
    assert len(await agree(browser, "demo", paths)) == 0
