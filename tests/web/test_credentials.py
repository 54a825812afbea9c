"""Credentials in the browser: the secret shown once, never more reach than whoever makes it, gone at once."""

from __future__ import annotations

import html
import logging
import re

import pytest
from django.contrib.sessions.models import Session

from localshop.catalog import credentials, networks, repositories
from localshop.catalog.models import Credential, Event
from people import AWAY, queries_of, somebody
from threads import in_thread

NEW = "/credentials/new/"


@pytest.fixture
async def other(repository):
    """A second repository."""
    return await in_thread(
        repositories.create_repository, "other", upstreams=[], networks=networks.FIRST_NETWORKS, changes={}
    )


def secret_in(answer):
    return re.search(r"lsp_[\w-]{43}", html.unescape(answer.text))[0]


async def test_the_secret_key_is_shown_once_and_works(browser, caplog):
    caplog.set_level(logging.DEBUG)
    anna = await somebody(browser, "anna")
    answer = await anna.post(NEW, {"comment": "my laptop", "repositories": ["default"]})
    secret = secret_in(answer)

    # It is the answer itself: a redirect would have to keep it somewhere in between.
    assert (answer.status, answer.headers["cache-control"]) == (200, "private, no-store")
    assert "location" not in answer.headers
    assert secret not in str(answer.cookies)
    row = await in_thread(Credential.objects.get)
    assert (row.comment, row.user_id is not None, row.upload, row.everywhere) == (
        "my laptop",
        True,
        False,
        False,
    )
    for auth in ((row.access_key, secret), ("__token__", secret)):
        assert (await browser.get("/repo/default/", auth=auth, peer=AWAY)).status == 200

    for page in ("/credentials/", f"/credentials/{row.access_key}/delete/", "/"):
        assert secret not in (await anna.get(page)).text
    kept = await in_thread(
        lambda: [
            *(str(one.get_decoded()) for one in Session.objects.all()),
            str(list(Event.objects.values())),
            str(list(Credential.objects.values())),
        ]
    )
    assert [text for text in kept if secret in text] == []
    assert secret not in caplog.text


async def test_when_and_where_from_it_was_used_is_shown(browser):
    anna = await somebody(browser, "anna")
    secret = secret_in(await anna.post(NEW, {"comment": "my laptop"}))
    assert "Never used" in (await anna.get("/credentials/")).text
    await browser.get("/repo/default/", auth=("__token__", secret), peer="198.51.100.7")
    await browser.application._gate.write_uses()
    assert "from 198.51.100.7" in (await anna.get("/credentials/")).text


async def test_disabling_and_deleting_work_at_once(browser):
    anna = await somebody(browser, "anna")
    secret = secret_in(await anna.post(NEW, {"comment": "my laptop"}))
    key = (await in_thread(Credential.objects.get)).access_key

    async def status():
        return (await browser.get("/repo/default/", auth=(key, secret), peer=AWAY)).status

    for step, expected in (("disable", 401), ("enable", 200), ("delete", 401)):
        answer = await anna.post(f"/credentials/{key}/{step}/")
        assert (answer.status, answer.headers["location"]) == (302, "/credentials/")
        assert await status() == expected, step
    told = await in_thread(lambda: list(Event.objects.order_by("id").values_list("action", "who", "address")))
    assert told == [
        (f"credential-{step}", "anna", AWAY) for step in ("made", "disabled", "enabled", "deleted")
    ]


@pytest.mark.parametrize(
    ("role", "form", "sentence"),
    [
        ("reader", {"repositories": ["closed"]}, "is not one of the available choices"),
        ("developer", {"repositories": ["other"], "upload": "on"}, "You may not upload to other yourself."),
        ("owner", {"holder": "machine"}, "choose repositories that you own"),
        ("owner", {"holder": "machine", "repositories": ["default", "other"]}, "You do not own other."),
        ("reader", {"expires": "2001-01-01"}, "That day is over already."),
        ("reader", {"expires": "soon"}, "Enter a valid date."),
        ("reader", {"comment": ""}, "This field is required."),
        ("reader", {"comment": "x" * 201}, "at most 200 characters"),
    ],
)
async def test_nobody_makes_more_than_he_has(browser, other, role, form, sentence):
    await in_thread(
        repositories.create_repository, "closed", upstreams=[], networks=(), changes={"members_only": True}
    )
    asking = await somebody(browser, "anna", default=role)
    answer = await asking.post(NEW, {"comment": "x", "holder": "me"} | form)
    assert (answer.status, sentence in html.unescape(answer.text)) == (200, True), answer.text
    assert "lsp_" not in answer.text
    assert await in_thread(Credential.objects.count) == 0


async def test_fields_that_one_does_not_get_are_not_taken(browser):
    """A reader who adds them to the form all the same gets no machine's, and none that uploads."""
    anna = await somebody(browser, "anna", default="reader")
    await anna.post(NEW, {"comment": "x", "holder": "machine", "upload": "on"})
    row = await in_thread(Credential.objects.select_related("user").get)
    assert (row.user.username, row.upload) == ("anna", False)


async def test_a_machines_credential_stays_when_its_maker_goes(browser):
    owner = await somebody(browser, "anna", default="owner")
    form = {"comment": "builds", "holder": "machine", "repositories": ["default"], "upload": "on"}
    assert (await owner.post(NEW, form)).status == 200
    row = await in_thread(Credential.objects.get)
    assert (row.user_id, row.upload, row.everywhere) == (None, True, False)
    assert "A machine" in (await owner.get("/credentials/")).text


async def test_it_is_good_to_the_end_of_its_last_day(browser):
    anna = await somebody(browser, "anna")
    await anna.post(NEW, {"comment": "x", "expires": "2999-12-31"})
    row = await in_thread(Credential.objects.get)
    assert row.expires.isoformat() == "2999-12-31T23:59:59.999999+00:00"


async def test_everybody_sees_his_own_and_owners_those_of_their_repositories(browser, other):
    ben = await somebody(browser, "ben")
    for comment, slugs, user in (
        ("here", ["default"], None),
        ("there", ["other"], None),
        ("both", ["default", "other"], None),
        ("everywhere", [], None),
        ("bens", [], "ben"),
    ):
        await in_thread(
            credentials.create_credential, repositories=slugs, user=user, comment=f"it is {comment}"
        )
    owner = await somebody(browser, "olga", default="owner")
    chief = await somebody(browser, "chief", administrator=True)
    seen = {}
    for one in (ben, owner, chief):
        seen[one.name] = sorted(re.findall(r"<strong>it is (\w+)", (await one.get("/credentials/")).text))
    assert seen == {
        "ben": ["bens"],
        "olga": ["here"],
        "chief": ["bens", "both", "everywhere", "here", "there"],
    }


async def test_a_comment_stays_text(browser):
    anna = await somebody(browser, "anna")
    made = await anna.post(NEW, {"comment": "<script>alert(1)</script>"})
    key = (await in_thread(Credential.objects.get)).access_key
    pages = [made, *[await anna.get(f"/credentials/{path}") for path in ("", f"{key}/delete/")]]
    assert [page for page in pages if "<script>alert" in page.text] == []


async def test_more_rows_need_no_more_queries(browser):
    anna = await somebody(browser, "anna", administrator=True)
    counts = []
    for many in (2, 20):
        for _ in range(many):
            await in_thread(credentials.create_credential, repositories=["default"], user="anna")
        counts.append(len(await queries_of(anna, "/credentials/")))
    assert counts[0] == counts[1]
