"""Uploading in the browser: the door of twine, opened by a token that is good for little else."""

from __future__ import annotations

import time

import pytest
from django.core import signing

from distributions import wheel
from localshop.access import upload_token
from localshop.catalog import networks, people, repositories
from localshop.catalog.models import Event
from people import AWAY, Person, somebody
from threads import in_thread
from upload_form import upload_of

TOKEN = "/repositories/default/upload/token/"
PAGE = "/repositories/default/upload/"


async def token_of(person):
    return (await person.get(TOKEN)).json()["token"]


async def send(browser, token, distribution=None, *, url="/repo/default/", **headers):
    sent, body = upload_of(distribution or wheel("Acme.Tool", "1.0"))
    sent |= {"X-Localshop-Upload": token, **headers}
    return await browser.ask("POST", url, headers=sent, body=body, peer=AWAY)


async def test_a_developer_uploads_in_the_browser_and_the_journal_names_him(browser):
    alice = await somebody(browser, "alice", default="developer")
    assert 'data-door="/repo/default/"' in (await alice.get(PAGE)).text
    answer = await send(browser, await token_of(alice))
    assert (answer.status, answer.text.split("\n")[0]) == (
        200,
        "acme_tool-1.0-py3-none-any.whl is published.",
    )
    events = await in_thread(lambda: [(one.action, one.who, one.address) for one in Event.objects.all()])
    assert ("uploaded", "alice", AWAY) in events


async def test_what_is_refused_is_refused_with_the_sentence_that_twine_gets(browser):
    alice = await somebody(browser, "alice", default="developer")
    await send(browser, await token_of(alice))
    answer = await send(browser, await token_of(alice), wheel("Acme.Tool", "1.0", requires=["other"]))
    assert (answer.status, answer.headers["x-localshop-refusal"]) == (400, "file-exists")
    assert "Give it a new version" in answer.text


@pytest.mark.parametrize("role", ["", "reader"])
async def test_who_may_not_upload_gets_neither_page_nor_token(browser, role):
    alice = await somebody(browser, "alice", **({"default": role} if role else {}))
    assert [(await alice.get(url)).status for url in (PAGE, TOKEN)] == [403, 403]
    assert (await Person(browser).get(TOKEN)).status == 302


async def test_a_token_is_for_one_repository(browser, upstream):
    await in_thread(
        repositories.create_repository, "other", upstreams=[], networks=networks.FIRST_NETWORKS, changes={}
    )
    alice = await somebody(browser, "alice", administrator=True)
    answer = await send(browser, await token_of(alice), url="/repo/other/")
    assert (answer.status, answer.headers["x-localshop-refusal"]) == (403, "no-right")


OF_SOMETHING_ELSE = signing.dumps([1, 1], salt="something else")


@pytest.mark.parametrize(
    "token", ["", "x", "x:y:z", "é", pytest.param(OF_SOMETHING_ELSE, id="of something else")]
)
async def test_a_forged_token_opens_nothing(browser, token):
    answer = await send(browser, token)
    assert answer.status == 403
    assert "www-authenticate" not in answer.headers


async def test_a_token_ends_after_ten_minutes(browser, monkeypatch):
    alice = await somebody(browser, "alice", default="developer")
    token = await token_of(alice)
    monkeypatch.setattr(upload_token, "GOOD_FOR", -1)
    assert (await send(browser, token)).status == 403


async def test_a_token_of_next_year_opens_nothing(browser, monkeypatch):
    """It was made while the clock ran ahead, and would be good for all the time until then."""
    alice = await somebody(browser, "alice", default="developer")
    real = time.time
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time", lambda: real() + 365 * 86_400)
        token = await token_of(alice)
        assert upload_token.read(token.encode(), 1) is not None
    assert (await send(browser, token)).status == 403


async def test_a_token_ends_with_the_right_to_upload(browser):
    alice = await somebody(browser, "alice", default="developer")
    token = await token_of(alice)
    await in_thread(people.set_active, "alice", active=False)
    assert (await send(browser, token)).status == 403


async def test_a_token_does_not_exceed_the_networks(browser):
    """Credentials of whatever kind are good from where the repository says, and nowhere else."""
    alice = await somebody(browser, "alice", administrator=True)
    token = await token_of(alice)
    await in_thread(networks.remove_network, "default", "0.0.0.0/0")
    assert (await send(browser, token)).status == 403


async def test_a_token_reads_nothing_and_a_session_uploads_nothing(browser):
    alice = await somebody(browser, "alice", administrator=True)
    token = await token_of(alice)
    answer = await browser.get("/repo/default/", headers={"X-Localshop-Upload": token}, peer=AWAY)
    assert answer.status == 401
    sent, body = upload_of(wheel("Acme.Tool", "1.0"))
    sent |= {"Cookie": f"localshop_session={alice.session}"}
    assert (await browser.ask("POST", "/repo/default/", headers=sent, body=body, peer=AWAY)).status == 401
