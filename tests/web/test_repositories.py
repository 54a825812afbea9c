"""Repositories in the browser: made, changed, asked anew, deleted; and the card that sets up a client."""

from __future__ import annotations

import html
import json
import re

import pytest

from localshop.catalog import networks, repositories
from localshop.catalog.models import Credential, Event, Project
from people import AWAY, queries_of, somebody
from threads import in_thread

SETTINGS = {"upstreams": "", "miss": "redirect", "fresh": "600"}
URL = "https://robot:open-sesame@index.example.com/simple/"
SHOWN = "https://robot@index.example.com/simple/"


@pytest.fixture
async def chief(browser):
    return await somebody(browser, "chief", administrator=True)


async def record(slug):
    return await in_thread(repositories.repository, slug)


async def test_a_repository_is_made_with_networks_and_shown_how_to_use(browser, chief):
    form = SETTINGS | {"slug": "team", "upstreams": f"{URL}\nhttps://second.example.com/simple/"}
    answer = await chief.post("/repositories/+new/", form | {"reserved": "acme-*", "owners_only": "on"})
    assert (answer.status, answer.headers["location"]) == (302, "/repositories/team/set-up/")
    made = await record("team")
    assert [source.url for source in made.upstreams] == [
        "https://index.example.com/simple/",
        "https://second.example.com/simple/",
    ]
    assert (made.upstreams[0].password, made.reserved, made.owners_only) == ("open-sesame", ("acme-*",), True)
    assert made.networks == networks.FIRST_NETWORKS
    assert "/repo/team/" in (await chief.get("/repositories/")).text


async def test_a_password_of_an_upstream_is_not_shown_again_but_kept(chief):
    await in_thread(repositories.edit_repository, "default", upstreams=[URL], changes={})
    form = await chief.get("/repositories/default/edit/")
    assert (SHOWN in form.text, "sesame" in form.text) == (True, False)
    assert "sesame" not in (await chief.get("/repositories/")).text

    await chief.post("/repositories/default/edit/", SETTINGS | {"upstreams": SHOWN, "fresh": "60"})
    kept = await record("default")
    assert (kept.upstreams[0].password, kept.fresh) == ("open-sesame", 60)

    # Another line is another server: it must not be sent the password of this one.
    moved = "https://robot@index.example.net/simple/"
    await chief.post("/repositories/default/edit/", SETTINGS | {"upstreams": moved})
    assert (await record("default")).upstreams[0].password == ""
    told = await in_thread(lambda: json.dumps([row.detail for row in Event.objects.all()]))
    assert "sesame" not in told


async def test_the_order_of_upstreams_can_change(chief):
    urls = [f"https://{name}.example.com/simple/" for name in ("one", "two")]
    for given in (urls, urls[::-1]):
        await chief.post("/repositories/default/edit/", SETTINGS | {"upstreams": "\r\n".join(given)})
        assert [source.url for source in (await record("default")).upstreams] == given


async def test_the_journal_has_the_old_and_the_new_value(chief):
    await in_thread(repositories.edit_repository, "default", upstreams=[], changes={})
    await chief.post("/repositories/default/edit/", SETTINGS | {"fresh": "60", "members_only": "on"})
    row = await in_thread(Event.objects.get)
    assert (row.action, row.repository, row.who, row.address) == (
        "repository-changed",
        "default",
        "chief",
        AWAY,
    )
    assert row.detail == {
        "before": {"fresh": 600, "members_only": False},
        "after": {"fresh": 60, "members_only": True},
    }


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"upstreams": "ftp://index.example.com/simple/"}, "must start with http:// or https://"),
        ({"upstreams": "https://index.example.com/simple/?a=b"}, "no query and no fragment"),
        ({"upstreams": f"{SHOWN}\n{URL}"}, "One of them stands there twice."),
        ({"upstreams": f"https://index.example.com/{'a' * 1000}/"}, "too long"),
        ({"upstreams": f"https://{'a' * 300}@index.example.com/"}, "too long"),
        ({"reserved": "acme-*\n-bad-"}, "'-bad-' is no name of a project"),
        ({"file_hosts": "files.example.com\nno host"}, "'no host' is no host"),
        ({"miss": "perhaps"}, "not one of the available choices"),
        ({"fresh": "-1"}, "greater than or equal to 0"),
        ({"fresh": "99999999999"}, "less than or equal to"),
        ({"slug": "Not A Slug"}, "is no slug"),
        ({"slug": "default"}, "There is a repository 'default' already."),
    ],
)
async def test_a_form_says_what_is_wrong_where_it_is_wrong(chief, form, sentence):
    answer = await chief.post("/repositories/+new/", SETTINGS | {"slug": "team"} | form)
    assert (answer.status, sentence in html.unescape(answer.text)) == (200, True)
    assert f'id="id_{next(iter(form))}_error"' in answer.text
    assert len(await in_thread(repositories.every_repository)) == 1


async def test_refreshing_lets_every_page_be_asked_for_again(chief):
    here = await record("default")
    await in_thread(Project.objects.create, repository_id=here.id, name="demo", fresh_until=9e9)
    assert (await chief.post("/repositories/default/refresh/")).status == 302
    assert (await in_thread(Project.objects.get)).fresh_until == 0


async def test_deleting_asks_for_the_name(chief):
    await chief.post("/repositories/+new/", SETTINGS | {"slug": "team"})
    answer = await chief.post("/repositories/team/delete/", {"typed": "tame"})
    assert "This repository is called team." in answer.text
    await chief.post("/repositories/team/delete/", {"typed": "team"})
    assert [one.slug for one in await in_thread(repositories.every_repository)] == ["default"]


async def test_a_closed_repository_is_listed_for_its_members_only(browser, chief):
    await chief.post("/repositories/+new/", SETTINGS | {"slug": "closed", "members_only": "on"})
    reader = await somebody(browser, "reader", closed="reader")
    stranger = await somebody(browser, "stranger")
    assert "/repo/closed/" in (await reader.get("/repositories/")).text
    assert "closed" not in (await stranger.get("/repositories/")).text
    assert "closed" not in (await stranger.get("/credentials/new/")).text


async def test_buttons_are_there_for_those_who_may_press_them(browser, chief):
    await chief.post("/repositories/+new/", SETTINGS | {"slug": "team"})
    owner = await somebody(browser, "owner", default="owner")
    reader = await somebody(browser, "reader")
    seen = {}
    for one in (chief, owner, reader):
        page = (await one.get("/repositories/")).text
        seen[one.name] = sorted(
            set(
                re.findall(r'(?:href|action)="/repositories/([\w+-]+/(?:edit|delete|refresh)/|\+new/)"', page)
            )
        )
    assert seen == {
        "chief": ["+new/", "default/edit/", "default/refresh/", "team/delete/", "team/edit/"],
        "owner": ["default/edit/", "default/refresh/"],
        "reader": [],
    }


async def test_the_card_has_the_url_and_no_secret_until_asked(browser):
    anna = await somebody(browser, "anna")
    page = html.unescape((await anna.get("/repositories/default/set-up/")).text)
    assert "pip config set global.index-url http://localhost/repo/default/" in page
    for tool in ("uv", "Poetry", "PDM", "Hatch", "twine", "Docker", "GitHub Actions", "GitLab CI"):
        assert f"<strong>{tool}</strong>" in page
    assert "lsp_" not in page
    assert await in_thread(Credential.objects.count) == 0


async def test_the_card_puts_a_fresh_credential_in(browser):
    anna = await somebody(browser, "anna", default="developer")
    answer = await anna.post("/repositories/default/set-up/", {"comment": "my laptop", "upload": "on"})
    page = html.unescape(answer.text)
    secrets = set(re.findall(r"lsp_[\w-]{43}", page))
    row = await in_thread(lambda: Credential.objects.select_related("user").get())
    scope = await in_thread(lambda: [one.slug for one in row.repositories.all()])
    assert (len(secrets), scope, row.upload, row.user.username) == (1, ["default"], True, "anna")
    assert answer.headers["cache-control"] == "private, no-store"
    status = (await browser.get("/repo/default/", auth=(row.access_key, secrets.pop()), peer=AWAY)).status
    assert status == 200


async def test_a_reader_gets_no_credential_for_uploads_from_the_card(browser):
    anna = await somebody(browser, "anna")
    assert 'name="upload"' not in (await anna.get("/repositories/default/set-up/")).text
    await anna.post("/repositories/default/set-up/", {"comment": "my laptop", "upload": "on"})
    assert (await in_thread(Credential.objects.get)).upload is False


async def test_more_repositories_need_no_more_queries(browser, chief):
    counts = []
    for many in range(2):
        for number in range(5):
            await chief.post("/repositories/+new/", SETTINGS | {"slug": f"more-{many}-{number}"})
        counts.append(len(await queries_of(chief, "/repositories/")))
    assert counts[0] == counts[1]
