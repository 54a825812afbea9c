"""Users: made, shut out and promoted by administrators; everybody changes his own password."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.test import override_settings

from localshop import config
from localshop.catalog import people
from localshop.catalog.models import Event, User
from localshop.errors import BadInput
from localshop.web.accounts import Forgotten, Reset
from logins import PASSWORD, log_in
from people import AWAY, somebody
from threads import in_thread

NEW = "a wholly other phrase"


async def status_with(browser, name, password):
    return (await browser.get("/repo/default/", auth=(name, password), peer=AWAY)).status


async def test_an_administrator_makes_a_user_whose_password_is_shown_once(browser):
    root = await somebody(browser, "root", administrator=True)
    made = await root.post("/accounts/users/", {"username": "alice", "email": "alice@example.com"})
    password = re.search(r"<pre[^>]*><code>([^<]+)</code>", made.text)[1]

    assert await status_with(browser, "alice", password) == 200
    listed = await root.get("/accounts/users/")
    assert "alice@example.com" in listed.text
    assert password not in listed.text
    assert password not in str(await in_thread(lambda: list(Event.objects.values())))

    weak = await root.post("/accounts/users/", {"username": "bob", "password": "1234"})
    assert "too short" in weak.text
    again = await root.post("/accounts/users/", {"username": "alice", "password": NEW})
    assert "There is a user &#x27;alice&#x27; already." in again.text


async def test_who_is_disabled_is_out_at_once_in_the_browser_too(browser):
    root = await somebody(browser, "root", administrator=True)
    alice = await somebody(browser, "alice")
    page = f"/accounts/users/{(await in_thread(User.objects.get, username='alice')).id}/change/"

    assert (await alice.get("/accounts/profile/")).status == 200
    await root.post(page, {"do": "promote"})
    assert (await alice.get("/accounts/users/")).status == 200
    await root.post(page, {"do": "demote"})
    assert (await alice.get("/accounts/users/")).status == 403
    await root.post(page, {"do": "disable"})
    assert (await alice.get("/accounts/profile/")).status == 302
    assert await status_with(browser, "alice", PASSWORD) == 401
    await root.post(page, {"do": "enable"})
    assert await status_with(browser, "alice", PASSWORD) == 200
    assert (await root.post(page, {"do": "nonsense"})).status == 400
    assert (await alice.post(page, {"do": "promote"})).status == 403

    actions = await in_thread(lambda: list(Event.objects.order_by("id").values_list("action", flat=True)))
    assert actions == ["administrator-changed"] * 2 + ["user-disabled", "login-failed", "user-enabled"]


async def test_the_last_administrator_cannot_lock_everybody_out(browser):
    root = await somebody(browser, "root", administrator=True)
    page = f"/accounts/users/{(await in_thread(User.objects.get, username='root')).id}/change/"
    for what in ("demote", "disable"):
        await root.post(page, {"do": what})
        assert (await root.get("/accounts/users/")).status == 200
    await in_thread(people.create_user, "second", password=PASSWORD, administrator=True)
    await in_thread(people.set_active, "second", active=False)
    with pytest.raises(BadInput, match="last administrator"):
        await in_thread(people.set_administrator, "root", administrator=False)


async def test_a_changed_password_ends_all_other_sessions(browser):
    here = await somebody(browser, "alice")
    there, _ = await log_in(browser, "alice")
    form = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}

    assert "was entered incorrectly" in (await here.post("/accounts/password/", form)).text
    weak = {"old_password": PASSWORD, "new_password1": "12345", "new_password2": "12345"}
    assert "too short" in (await here.post("/accounts/password/", weak)).text
    assert await status_with(browser, "alice", PASSWORD) == 200

    answer = await here.post("/accounts/password/", {**form, "old_password": PASSWORD})
    assert answer.status == 302
    session = next(one for one in answer.cookies if one.startswith("localshop_session="))
    key = session.split(";")[0].split("=")[1]
    assert key != here.session
    assert (await dataclasses.replace(here, session=key).get("/accounts/profile/")).status == 200
    assert (await here.get("/accounts/profile/")).status == 302
    assert (await browser.get("/accounts/profile/", headers=there, peer=AWAY)).status == 302
    assert await status_with(browser, "alice", PASSWORD) == 401
    assert await status_with(browser, "alice", NEW) == 200


async def test_a_session_ends_with_the_browser_unless_one_wants_to_be_remembered(browser):
    await in_thread(people.create_user, "alice", password=PASSWORD)
    for more, kept in (({}, False), ({"remember": "on"}, True)):
        _, answer = await log_in(browser, "alice", **more)
        cookie = next(one for one in answer.cookies if one.startswith("localshop_session="))
        assert ("Max-Age" in cookie) == kept


async def test_without_mail_there_is_no_page_for_forgotten_passwords(browser):
    assert (await browser.get("/accounts/forgotten/", peer=AWAY)).status == 404
    assert "Forgot" not in (await browser.get("/accounts/login/", peer=AWAY)).text


def test_a_link_for_a_new_password_of_next_year_is_not_good(tables, monkeypatch):
    """It was sent while the clock ran ahead, and would lie in somebody's mail for all the time until then."""
    people.create_user("alice", password=PASSWORD)
    alice, links = User.objects.get(), Reset.token_generator
    assert links is Forgotten.token_generator
    assert links.check_token(alice, links.make_token(alice))
    with monkeypatch.context() as ahead:
        ahead.setattr(links, "_now", lambda: datetime.now(UTC).replace(tzinfo=None) + timedelta(days=365))
        token = links.make_token(alice)
        assert links.check_token(alice, token)
    assert not links.check_token(alice, token)


async def test_a_forgotten_password_is_set_by_a_link_that_works_once(browser, monkeypatch):
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    settings = dataclasses.replace(config.current(), email_url="smtp://mail.example.com")
    monkeypatch.setattr(config, "current", lambda: settings)
    alice = await somebody(browser, "alice")
    await in_thread(User.objects.filter(username="alice").update, email="alice@example.com")
    nobody = dataclasses.replace(alice, session="")

    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        unknown = await nobody.post("/accounts/forgotten/", {"email": "bob@example.com"})
        known = await nobody.post("/accounts/forgotten/", {"email": "alice@example.com"})
        assert (known.status, known.headers["location"], known.body) == (
            unknown.status,
            unknown.headers["location"],
            unknown.body,
        )
        while not mail.outbox:
            await asyncio.sleep(0.01)
    (letter,) = mail.outbox
    path = re.search(r"http://localhost(/accounts/reset/\S+)", letter.body)[1]

    led = await nobody.get(path)
    cookie = next(one for one in led.cookies if one.startswith("localshop_session="))
    holder = dataclasses.replace(nobody, session=cookie.split(";")[0].split("=")[1])
    form = {"new_password1": NEW, "new_password2": NEW}
    assert (await holder.post(led.headers["location"], form)).headers["location"] == "/accounts/login/"
    assert await status_with(browser, "alice", NEW) == 200
    assert (await alice.get("/accounts/profile/")).status == 302
    assert "not good any more" in (await nobody.get(path)).text
