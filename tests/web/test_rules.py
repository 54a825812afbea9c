"""The rules in the browser: tried, saved, imported; what a package's page tells of them; passes."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from distributions import wheel
from localshop.catalog import downloads, policies, repositories
from localshop.catalog.journal import Actor
from localshop.catalog.models import Event
from localshop.catalog.records import Given, Tally
from localshop.policies.rules import NO_RULES, read
from people import somebody
from threads import in_thread

RULES = "/repositories/default/rules/"
PACKAGE = "/repositories/default/packages/demo/"
ME = Actor("test")
MODES = ("vulnerable", "cooldown", "first_seen", "block", "freeze", "yanked", "gone", "kinds", "licences")
OFF = {f"{name}_mode": "off" for name in MODES} | {
    "licences_unknown": "allow",
    # The one that is on where nothing is said of it.
    "advisories_mode": "enforced",
}


@pytest.fixture
async def owner(browser):
    return await somebody(browser, "owner", default="owner")


async def rules():
    return (await in_thread(repositories.repository, "default")).rules


async def save(**told):
    await in_thread(policies.save_rules, "default", read(told), actor=ME)


def text_of(answer):
    return " ".join(re.sub(r"<[^>]*>", "", answer.text).split())


async def test_rules_are_saved_and_shown_again(owner):
    form = OFF | {
        "cooldown_mode": "enforced",
        "cooldown_days": "7",
        "block_mode": "watched",
        "block_entries": "Evil\nurllib3<2\n",
        "kinds_mode": "enforced",
        "kinds_hide": "sdist",
        "licences_mode": "enforced",
        "licences_deny": "GPL-*",
        "licences_unknown": "hide",
        "allow": "good>=1",
    }
    answer = await owner.post(RULES, form)
    assert (answer.status, answer.headers["location"]) == (302, RULES)
    assert (await rules()).told() == {
        "block": {"entries": ["evil", "urllib3<2"], "mode": "watched"},
        "cooldown": {"days": 7, "mode": "enforced"},
        "kinds": {"hide": ["sdist"], "mode": "enforced"},
        "licences": {"allow": [], "deny": ["GPL-*"], "unknown": "hide", "mode": "enforced"},
        "allow": {"entries": ["good>=1"]},
    }
    line = await in_thread(lambda: Event.objects.get(action="rules-changed"))
    assert (line.who, line.detail["before"]["cooldown"]) == ("owner", None)
    shown = (await owner.get(RULES)).text
    assert "evil\nurllib3&lt;2" in shown
    assert 'value="7"' in shown

    await owner.post(RULES, OFF)
    assert await rules() == NO_RULES


async def test_what_is_on_by_itself_can_be_turned_off_and_on_again(owner):
    """Whoever studies malware turns it off; the form must not turn it on behind his back."""
    assert '<option value="enforced" selected>' in (await owner.get(RULES)).text
    form = OFF | {"advisories_mode": "off", "vulnerable_mode": "watched", "vulnerable_severity": "high"}
    await owner.post(RULES, form)
    told = {
        "advisories": {"malicious": "show", "mode": "enforced"},
        "vulnerable": {"severity": "high", "mode": "watched"},
    }
    assert (await rules()).told() == told
    assert '<option value="enforced" selected>' not in (await owner.get(RULES)).text

    await owner.post(RULES, OFF | {"advisories_mode": "watched"})
    assert (await rules()).told() == {"advisories": {"malicious": "hide", "mode": "watched"}}
    await owner.post(RULES, OFF)
    assert await rules() == NO_RULES


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"cooldown_mode": "enforced"}, "a whole number"),
        ({"block_mode": "enforced", "block_entries": "evil<"}, "names no versions"),
        ({"freeze_mode": "enforced", "freeze_date": "soon"}, "is no date"),
        ({"kinds_mode": "enforced"}, "Kinds of files"),
        ({"licences_mode": "watched", "licences_allow": "mine"}, "is no SPDX licence"),
        ({"allow": "?"}, "is no name of a project"),
    ],
)
async def test_what_cannot_be_is_told_at_its_field_and_not_saved(owner, wrong, sentence):
    answer = await owner.post(RULES, OFF | wrong)
    assert answer.status == 200
    assert sentence in answer.text
    assert await rules() == NO_RULES


async def test_what_would_have_refused_downloads_is_shown_before_it_is_saved(browser, owner, upstream):
    """Nobody breaks builds by pressing a button: he is told which, and says that he has seen it."""
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get(f"/repo/default/{held.distribution.path}")
    *path, filename = held.distribution.path.removeprefix("packages/").split("/")
    now = browser.application._shop.now()
    given = Given(downloads.day_number(now), "default", "/".join(path), filename, "", "", "", "pip")
    await in_thread(downloads.note, {given: Tally(12, now)})
    form = OFF | {"block_mode": "enforced", "block_entries": "demo"}

    tried = await owner.post(RULES, form | {"check": "1", "confirm": "on"})
    unseen = await owner.post(RULES, form)

    for answer in (tried, unseen):
        assert answer.status == 200
        assert "Of 12 downloads in 30 days, 12 would have been refused." in text_of(answer)
        assert "demo 1.0" in answer.text
        assert 'name="confirm"' in answer.text
    assert await rules() == NO_RULES
    assert (await owner.post(RULES, form | {"confirm": "on"})).status == 302
    assert (await rules()).get("block") is not None


async def test_exported_rules_are_imported_elsewhere_but_not_before_somebody_looks(browser, owner):
    await save(cooldown={"days": 7}, allow={"entries": ["good"]})
    told = (await owner.get("/repositories/default/rules.json")).json()
    assert told == (await rules()).told()
    await save()

    shown = await upload(owner, json.dumps(told))
    assert "It is not saved yet" in shown.text
    assert 'value="7"' in shown.text
    assert await rules() == NO_RULES
    for bad in ("nonsense", "[]", '{"cooldown": {"days": "many"}}'):
        assert (await upload(owner, bad)).status == 302
    assert await rules() == NO_RULES


async def upload(person, content):
    head = 'Content-Disposition: form-data; name="import"; filename="rules.json"'
    body = f"--xx\r\n{head}\r\nContent-Type: application/json\r\n\r\n{content}\r\n--xx--\r\n".encode()
    headers = {
        "Content-Type": "multipart/form-data; boundary=xx",
        "Content-Length": str(len(body)),
        "Cookie": person._cookies,
        "X-CSRFToken": "t" * 32,
    }
    return await person.browser.ask("POST", RULES, headers=headers, body=body, peer=person.peer)


async def test_a_package_tells_what_is_hidden_and_an_owner_lets_it_through(browser, owner, upstream):
    reader = await somebody(browser, "reader")
    held = upstream.add(wheel("demo", "1.0"), upload_time=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}")
    await browser.get("/repo/default/demo/")
    await save(cooldown={"days": 7}, yanked={"mode": "watched"})

    page = await reader.get(PACKAGE)
    ends = datetime.now(UTC) + timedelta(days=7)
    assert "1 file is hidden by cooldown; the first comes out" in text_of(page)
    assert f"{ends:%Y-%m-%d}" in page.text
    assert "waits until" in page.text
    assert "Let it through" not in page.text
    assert "Let it through" in (await owner.get(PACKAGE)).text

    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    form = {"project": "demo", "version": "1.0", "until": tomorrow, "reason": "CVE-1", "package": "1"}
    assert (await owner.post(f"{RULES}pass", form)).headers["location"] == PACKAGE
    assert "let through" in (await reader.get(PACKAGE)).text
    assert (await browser.get(f"/repo/default/{held.distribution.path}")).status == 302
    assert "CVE-1" in (await owner.get(RULES)).text

    await owner.post(f"{RULES}end", {"project": "demo", "version": "1.0", "rule": ""})
    assert (await browser.get(f"/repo/default/{held.distribution.path}")).status == 403
    for wrong in ({"until": "2020-01-01"}, {"until": "soon"}, {"reason": ""}, {"version": "latest"}):
        await owner.post(f"{RULES}pass", form | wrong)
    assert (await browser.get(f"/repo/default/{held.distribution.path}")).status == 403


async def test_a_name_is_approved_on_its_page(browser, owner, upstream):
    upstream.add(wheel("demo", "1.0"))
    await save(**{"first-seen": {}})
    await browser.get("/repo/default/demo/")
    assert "Approve demo" in (await owner.get(PACKAGE)).text

    await owner.post(f"{RULES}approve", {"project": "demo", "reason": "it is real", "package": "1"})

    assert "Approve demo" not in (await owner.get(PACKAGE)).text
    assert "approved" in (await owner.get(RULES)).text
    await owner.post(f"{RULES}end", {"project": "demo", "version": "", "rule": "first-seen"})
    assert "Approve demo" in (await owner.get(PACKAGE)).text
