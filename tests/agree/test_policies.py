"""What a rule hides in the page it hides everywhere, in every minute around the moment at which it ends."""

from __future__ import annotations

import pytest

from agreeing import agree
from distributions import sdist, wheel
from localshop.catalog import policies
from localshop.catalog.journal import Actor
from localshop.policies.reading import moment
from localshop.policies.rules import read
from threads import in_thread

DAY = 86_400
T0 = moment("2026-06-01T12:00:00Z")
ME = Actor("test")


@pytest.fixture
def at(browser):
    """Set the front door's clock: ``at(seconds since T0)``."""
    shop = browser.application._shop
    shop.now = lambda: T0

    def move(seconds):
        shop.now = lambda: T0 + seconds

    return move


@pytest.fixture
def rules(browser):
    async def save(**told):
        await in_thread(policies.save_rules, "default", read(told), actor=ME)

    return save


def add(upstream, *made, **says):
    return [upstream.add(one, **says).distribution.path for one in made]


AROUND = [-120, -60, -1, 0, 1, 60, 120]


async def test_a_cooldown_ends_everywhere_in_the_same_second(browser, upstream, at, rules):
    """A release that is listed can be installed, and one that is refused is not offered."""
    old = add(upstream, wheel("demo", "1.0"), upload_time="2026-01-01T00:00:00.000000Z")
    new = add(upstream, wheel("demo", "2.0"), sdist("demo", "2.0"), upload_time="2026-06-01T12:00:00.250000Z")
    await rules(cooldown={"days": 2})

    for seconds in AROUND:
        at(2 * DAY + seconds)
        listed = await agree(browser, "demo", old + new)
        assert len(listed) == (1 if seconds <= 0 else 3), seconds


async def test_what_is_blocked_is_gone_with_the_answer_and_back_when_it_is_not(browser, upstream, at, rules):
    paths = add(upstream, wheel("demo", "1.0"), wheel("demo", "2.0"))
    assert len(await agree(browser, "demo", paths)) == 2
    await rules(block={"entries": ["demo<2"]})
    assert len(await agree(browser, "demo", paths)) == 1
    await rules(block={"entries": ["*"]})
    assert len(await agree(browser, "demo", paths)) == 0
    await rules(block={"entries": ["*"]}, allow={"entries": ["demo>=2"]})
    assert len(await agree(browser, "demo", paths)) == 1
    await rules()
    assert len(await agree(browser, "demo", paths)) == 2


async def test_a_pass_ends_everywhere_in_the_same_second(browser, upstream, at, rules):
    paths = add(upstream, wheel("demo", "1.0"), wheel("demo", "2.0"))
    await rules(block={"entries": ["demo"]})
    await in_thread(
        policies.let_through, "default", "Demo", "2.0.0", until=T0 + 600, reason="a fix", now=T0, actor=ME
    )
    for seconds in AROUND:
        at(600 + seconds)
        assert len(await agree(browser, "demo", paths)) == (1 if seconds < 0 else 0), seconds
