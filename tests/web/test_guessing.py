"""Guessing: ten wrong passwords, and one has to wait; others are not bothered by it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from localshop.catalog import credentials, guessing, people
from localshop.errors import TooManyTries
from logins import PASSWORD, log_in
from people import AWAY, somebody
from threads import in_thread

ELSEWHERE = "198.51.100.7"


async def index(browser, name, password, *, peer=AWAY):
    return await browser.get("/repo/default/", auth=(name, password), peer=peer)


@pytest.mark.parametrize("name", ["alice", "nobody"])
async def test_after_ten_failures_one_waits_whether_the_user_exists_or_not(browser, name):
    await in_thread(people.create_user, "alice", password=PASSWORD)
    answers = [await index(browser, name, f"wrong {number}") for number in range(12)]
    assert [one.status for one in answers] == [401] * 10 + [429] * 2
    assert 0 < int(answers[-1].headers["retry-after"]) <= 300
    assert "Too many passwords were wrong" in answers[-1].text
    # Not from elsewhere, and not in the browser either.
    assert (await index(browser, name, PASSWORD, peer=ELSEWHERE)).status == 429
    _, answer = await log_in(browser, name, PASSWORD, peer=ELSEWHERE)
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Too many passwords were wrong" in answer.text


async def test_failures_in_the_browser_count_at_the_index(browser):
    await in_thread(people.create_user, "alice", password=PASSWORD)
    statuses = [(await log_in(browser, "alice", "wrong"))[1].status for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert (await index(browser, "alice", PASSWORD)).status == 429


async def test_others_from_the_same_address_go_on(browser):
    """One build with an old password must not stop a whole office."""
    await in_thread(people.create_user, "alice", password=PASSWORD)
    row, secret = await in_thread(credentials.create_credential)
    for number in range(12):
        await index(browser, "mallory", f"wrong {number}")
    for number in range(30):
        assert (await index(browser, row.access_key, secret)).status == 200, number
    assert (await index(browser, "alice", PASSWORD)).status == 200
    assert (await log_in(browser, "alice"))[1].status == 302
    # But whoever tries one password on account after account is stopped there, too.
    assert (await index(browser, "another", "wrong")).status == 429
    assert (await index(browser, "another", "wrong", peer=ELSEWHERE)).status == 401


async def test_it_is_over_after_five_minutes(browser, clock):
    await in_thread(people.create_user, "alice", password=PASSWORD)
    for number in range(11):
        await index(browser, "alice", f"wrong {number}")
    clock.forward(301)
    assert (await index(browser, "alice", PASSWORD)).status == 200


async def test_the_old_password_cannot_be_guessed_at_an_open_browser(browser):
    alice = await somebody(browser, "alice")
    form = {"old_password": "wrong", "new_password1": "a" * 20, "new_password2": "a" * 20}
    statuses = [(await alice.post("/accounts/password/", form)).status for _ in range(11)]
    assert statuses == [200] * 10 + [429]


def test_one_password_on_all_accounts_is_stopped_in_the_end(tables):
    for number in range(100):
        with suppress(TooManyTries):
            guessing.failed(f"user{number}", address="2001:db8::1", now=1000.0)
    with pytest.raises(TooManyTries):
        guessing.check("somebody", address="2001:db8::2", now=1000.0)
