"""Pages for people: who sees what, safe headers, plain words when something is wrong."""

from __future__ import annotations

import asyncio
import dataclasses
from ipaddress import ip_network

import pytest
from django.conf import settings

from distributions import wheel
from localshop import config
from localshop.catalog import credentials, people, repositories
from localshop.storage import pulse
from localshop.web import health
from logins import AWAY, PASSWORD, log_in
from threads import in_thread
from upload_form import upload_of


@pytest.fixture
async def acme(browser):
    """A private package in the repository ``default``."""
    row, secret = await in_thread(credentials.create_credential, upload=True)
    mine = wheel("Acme.Tool", "1.0")
    headers, body = upload_of(mine)
    auth = (row.access_key, secret)
    answer = await browser.ask("POST", "/repo/default/", headers=headers, auth=auth, peer=AWAY, body=body)
    assert answer.status == 200
    return mine


async def test_who_may_read_without_credentials_sees_packages_without_login(browser, acme):
    for path in ("/", "/packages/", "/packages/?q=acme", "/repositories/default/packages/acme-tool/"):
        page = await browser.get(path)
        assert page.status == 200, path
        assert "acme-tool" in page.text.lower(), path


async def test_others_are_sent_to_the_login_and_back(browser, acme):
    for path in ("/", "/packages/", "/repositories/default/packages/acme-tool/"):
        page = await browser.get(path, peer=AWAY)
        assert (page.status, page.headers["location"].split("?")[0]) == (302, "/accounts/login/"), path
    await in_thread(people.create_user, "alice", password=PASSWORD)
    headers, answer = await log_in(browser, "alice", next_page="/packages/?q=acme")
    assert (answer.status, answer.headers["location"]) == (302, "/packages/?q=acme")
    assert "acme-tool" in (await browser.get("/packages/?q=acme", peer=AWAY, headers=headers)).text.lower()


async def test_a_repository_for_members_only_is_shown_to_members_only(browser, acme):
    await in_thread(people.create_user, "alice", password=PASSWORD)
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"members_only": True})
    headers, _ = await log_in(browser, "alice")

    assert "acme" not in (await browser.get("/packages/", peer=AWAY, headers=headers)).text
    page = await browser.get("/repositories/default/packages/acme-tool/", peer=AWAY, headers=headers)
    assert page.status == 403


@pytest.mark.parametrize(("name", "password"), [("alice", "wrong"), ("nobody", "wrong"), ("bob", PASSWORD)])
async def test_a_failed_login_does_not_tell_who_exists(browser, name, password):
    await in_thread(people.create_user, "alice", password=PASSWORD)
    await in_thread(people.create_user, "bob", password=PASSWORD)
    await in_thread(people.set_active, "bob", active=False)
    _, answer = await log_in(browser, name, password)
    assert answer.status == 200
    assert "That name and password do not belong together." in answer.text


@pytest.mark.parametrize(
    "evil",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example"],
)
async def test_the_login_leads_nowhere_else(browser, evil):
    await in_thread(people.create_user, "alice", password=PASSWORD)
    _, answer = await log_in(browser, "alice", next_page=evil)
    assert (answer.status, answer.headers["location"]) == (302, "/")


async def test_every_page_has_the_headers_that_keep_it_safe(browser, acme):
    for path in (
        "/",
        "/packages/",
        "/accounts/login/",
        "/nothing/",
        "/repositories/default/packages/acme-tool/",
    ):
        headers = (await browser.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert (
            headers["cache-control"].startswith("private, no-store") or "no-store" in headers["cache-control"]
        )


async def test_a_page_that_is_not_there_says_so_in_plain_words(browser):
    for path in ("/nothing/", "/repositories/none/packages/x/", "/repositories/default/packages/none/"):
        answer = await browser.get(path)
        assert answer.status == 404
        assert "There is nothing here" in answer.text


async def test_a_form_that_did_not_come_from_here_does_nothing(browser):
    """CSRF: a page elsewhere must not be able to act for somebody who is logged in here."""
    await in_thread(people.create_user, "alice", password=PASSWORD)
    headers, _ = await log_in(browser, "alice")
    answer = await browser.ask("POST", "/accounts/logout/", headers=headers, peer=AWAY)
    assert answer.status == 403
    assert (await browser.get("/accounts/profile/", headers=headers, peer=AWAY)).status == 200


async def test_text_of_a_package_stays_text(browser):
    """A summary with a script in it is shown, not run."""
    from localshop.catalog.models import Project, Repository

    def make():
        repository = Repository.objects.get(slug="default")
        Project.objects.create(
            repository=repository, name="evil", kind="private", summary="<script>alert(1)</script>"
        )

    await in_thread(make)
    page = await browser.get("/packages/?q=%3Cscript%3E")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text


async def test_monitors_are_answered_without_a_login(browser):
    assert (await browser.get("/-/alive", peer=AWAY)).text == "alive\n"
    assert (await browser.get("/-/ready", peer=AWAY)).json() == {
        "status": "ready",
        "database": True,
        "storage": True,
        "jobs": {"waiting": 0, "failed": 0, "overdue": 0, "overdue_seconds": 0},
        "upstreams": {"up": 0, "down": 0},
        "stale_pages": 0,
    }


async def test_a_host_that_is_not_ours_is_refused_but_to_monitors(browser, monkeypatch):
    """Containers and pods are asked by their addresses: they would be started anew for ever."""
    # The client of these tests calls us localhost.
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["packages.example.com"])
    for path in ("/-/alive", "/-/ready"):
        assert (await browser.get(path)).status == 200
    page = await browser.get("/")
    assert (page.status, "content-security-policy" in page.headers) == (400, True)
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["localhost"])
    assert (await browser.get("/")).status == 200


async def test_however_often_monitors_ask_the_storage_is_tried_once(browser, monkeypatch):
    """Anybody may ask, and each trial is a write: a flood of questions must not become a flood of files."""
    tried = []
    monkeypatch.setattr(pulse, "_ask", lambda: tried.append(1) or True)
    health._pulse.cache_clear()
    asked = await asyncio.gather(*(browser.get("/-/ready", peer=AWAY) for _ in range(20)))
    health._pulse.cache_clear()
    assert [answer.json()["storage"] for answer in asked] == [True] * 20
    assert len(tried) == 1


async def test_who_has_just_begun_is_shown_the_first_steps(browser, upstream, acme):
    """Until something was installed and something uploaded; who is not logged in cannot take them."""
    await in_thread(people.create_user, "alice", password=PASSWORD)
    headers, _ = await log_in(browser, "alice")
    page = (await browser.get("/", peer=AWAY, headers=headers)).text
    assert "First steps" in page
    assert "From your address it asks for a credential." in page
    assert "First steps" not in (await browser.get("/")).text
    theirs = upstream.add(wheel("demo", "1.0"))
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})
    assert (await browser.get("/repo/default/demo/")).status == 200
    assert (await browser.get(f"/repo/default/{theirs.distribution.path}")).status == 200
    assert "First steps" not in (await browser.get("/", peer=AWAY, headers=headers)).text


async def test_cookies_that_came_over_tls_go_over_tls_only(browser, monkeypatch):
    """Also where LOCALSHOP_PUBLIC_URL is not set; over plain http a login must still work."""
    await in_thread(people.create_user, "alice", password=PASSWORD)
    _, plain = await log_in(browser, "alice")
    assert ["Secure" in cookie for cookie in plain.cookies] == [False] * len(plain.cookies)
    changed = dataclasses.replace(config.current(), trusted_proxies=(ip_network(f"{AWAY}/32"),))
    monkeypatch.setattr(config, "current", lambda: changed)
    through = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
    page = await browser.get("/accounts/login/", peer=AWAY, headers=through)
    cookies = [*page.cookies]
    assert cookies
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    # From a proxy that nobody trusts it says nothing.
    page = await browser.get("/accounts/login/", peer="203.0.113.77", headers=through)
    assert "Secure" not in page.cookies[0]
