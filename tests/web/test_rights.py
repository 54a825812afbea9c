"""Who may do what: every page of the web interface and every door of the index, for every kind of visitor."""

from __future__ import annotations

from base64 import b64encode

import pytest
from django.urls import get_resolver

from distributions import wheel
from localshop.catalog import credentials, repositories, teams
from logins import PASSWORD
from people import AWAY, Person, somebody
from threads import in_thread
from upload_form import upload_of

NOBODY = {"here", "away", "read-only key", "upload key"}
STRANGERS = {"stranger", "reader"}
EVERYBODY = {"administrator", "owner", "developer"} | STRANGERS | NOBODY
PERSONS = EVERYBODY - NOBODY
READERS = PERSONS | {"here"}
UPLOADERS = {"administrator", "owner", "developer"}
OWNERS = {"administrator", "owner"}
ADMINISTRATORS = {"administrator"}

PROJECT = "/repositories/default/packages/acme"
LAST = {"logout", "delete-project", "repository-delete", "credential-delete", "delete-team"}

PAGES = {
    "start": ("GET", "/", READERS),
    "packages": ("GET", "/packages/", READERS),
    "project": ("GET", "/repositories/default/packages/acme/", READERS),
    "login": ("GET", "/accounts/login/", EVERYBODY),
    "logout": ("POST", "/accounts/logout/", EVERYBODY),
    "profile": ("GET", "/accounts/profile/", PERSONS),
    "password": ("GET", "/accounts/password/", PERSONS),
    # There is no mail in this test, so these are not there for anybody.
    "password-forgotten": ("GET", "/accounts/forgotten/", EVERYBODY),
    "password-sent": ("GET", "/accounts/forgotten/sent/", EVERYBODY),
    "password-reset": ("GET", "/accounts/reset/x/y/", EVERYBODY),
    "users": ("GET", "/accounts/users/", ADMINISTRATORS),
    "change-user": ("POST", "/accounts/users/9999/change/", ADMINISTRATORS),
    "teams": ("GET", "/teams/", PERSONS),
    "team": ("GET", "/teams/{team}/", ADMINISTRATORS),
    "rename-team": ("POST", "/teams/{team}/rename/", ADMINISTRATORS),
    "delete-team": ("POST", "/teams/{team}/delete/", ADMINISTRATORS),
    "add-member": ("POST", "/teams/{team}/members/add/", ADMINISTRATORS),
    "remove-member": ("POST", "/teams/{team}/members/remove/", ADMINISTRATORS),
    "set-role": ("POST", "/teams/{team}/roles/", ADMINISTRATORS),
    "activity": ("GET", "/activity/", OWNERS),
    "activity-export": ("GET", "/activity/journal.csv", OWNERS),
    "alarms": ("GET", "/alarms/", OWNERS),
    "alarm-close": ("POST", "/alarms/9999/close/", OWNERS),
    "hold": ("POST", f"{PROJECT}/hold", OWNERS),
    "unhold": ("POST", f"{PROJECT}/unhold", OWNERS),
    "jobs": ("GET", "/activity/jobs/", ADMINISTRATORS),
    "jobs-retry": ("POST", "/activity/jobs/+retry/", ADMINISTRATORS),
    "job-retry": ("POST", "/activity/jobs/9999/retry/", ADMINISTRATORS),
    "job-forget": ("POST", "/activity/jobs/9999/forget/", ADMINISTRATORS),
    "alive": ("GET", "/-/alive", EVERYBODY),
    "metrics": ("GET", "/-/metrics", ADMINISTRATORS),
    "ready": ("GET", "/-/ready", EVERYBODY),
    "upload": ("GET", "/repositories/default/upload/", UPLOADERS),
    "upload-token": ("GET", "/repositories/default/upload/token/", UPLOADERS),
    "download": ("GET", f"{PROJECT}/files/aa/bb/cc/acme-1.0.tar.gz", READERS),
    "downloads": ("GET", f"{PROJECT}/downloads/", OWNERS),
    "downloads-export": ("GET", f"{PROJECT}/downloads.csv", OWNERS),
    "inside": ("GET", f"{PROJECT}/inside/aa/bb/cc/acme-1.0.tar.gz", READERS),
    "look-up": ("POST", "/packages/look-up", PERSONS),
    "refresh": ("POST", f"{PROJECT}/refresh", PERSONS),
    "mirror-files": ("POST", f"{PROJECT}/mirror", PERSONS),
    "yank": ("POST", f"{PROJECT}/yank", UPLOADERS),
    "unyank": ("POST", f"{PROJECT}/unyank", UPLOADERS),
    "delete-release": ("POST", f"{PROJECT}/delete-release", OWNERS),
    "delete-file": ("POST", f"{PROJECT}/delete-file", OWNERS),
    "delete-project": ("POST", f"{PROJECT}/delete", OWNERS),
    "credentials": ("GET", "/credentials/", PERSONS),
    "credential-new": ("GET", "/credentials/new/", PERSONS),
    "credential-disable": ("POST", "/credentials/{key}/disable/", OWNERS),
    "credential-enable": ("POST", "/credentials/{key}/enable/", OWNERS),
    "networks": ("GET", "/permissions/cidr/", OWNERS),
    "network-new": ("GET", "/permissions/cidr/default/+new/", OWNERS),
    "network-edit": ("GET", "/permissions/cidr/default/10.0.0.0/8/edit/", OWNERS),
    "network-delete": ("POST", "/permissions/cidr/default/10.0.0.0/8/delete/", OWNERS),
    "repositories": ("GET", "/repositories/", PERSONS),
    "repository-new": ("GET", "/repositories/+new/", ADMINISTRATORS),
    "repository-set-up": ("GET", "/repositories/default/set-up/", PERSONS),
    "repository-edit": ("GET", "/repositories/default/edit/", OWNERS),
    "repository-rules": ("GET", "/repositories/default/rules/", OWNERS),
    "repository-rules-export": ("GET", "/repositories/default/rules.json", OWNERS),
    "repository-pass": ("POST", "/repositories/default/rules/pass", OWNERS),
    "repository-approve": ("POST", "/repositories/default/rules/approve", OWNERS),
    "repository-pass-end": ("POST", "/repositories/default/rules/end", OWNERS),
    "repository-refresh": ("POST", "/repositories/default/refresh/", OWNERS),
    "credential-delete": ("POST", "/credentials/{key}/delete/", OWNERS),
    "repository-delete": ("POST", "/repositories/second/delete/", ADMINISTRATORS),
}
INDEX = {
    ("GET", ""): EVERYBODY - {"away"},
    ("GET", "acme/"): EVERYBODY - {"away"},
    ("GET", "{file}"): EVERYBODY - {"away"},
    ("GET", "{file}.metadata"): EVERYBODY - {"away"},
    ("POST", ""): {"administrator", "owner", "developer", "upload key"},
}


@pytest.fixture
async def place(browser):
    """What the addresses are about: a package, a key, a team."""
    # The repository "default" is deleted by nobody.
    await in_thread(repositories.create_repository, "second", upstreams=[], networks=[], changes={})
    row, secret = await in_thread(credentials.create_credential, upload=True, repositories=["default"])
    headers, body = upload_of(wheel("acme", "1.0"))
    auth = (row.access_key, secret)
    sent = await browser.ask("POST", "/repo/default/", headers=headers, auth=auth, peer=AWAY, body=body)
    assert sent.status == 200
    page = await browser.get("/repo/default/acme/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    file = page.json()["files"][0]["url"].removeprefix("/repo/default/")
    team = await in_thread(teams.create_team, "team")
    return {"key": row.access_key, "team": team.id, "file": file}


async def come(browser, who):
    """A visitor at his browser, and what he shows to the index."""
    if who in {"here", "away"}:
        return Person(browser, peer="127.0.0.1" if who == "here" else AWAY), None
    if who.endswith(" key"):
        row, secret = await in_thread(credentials.create_credential, upload=who == "upload key")
        return Person(browser), (row.access_key, secret)
    roles = {"default": who} if who in {"owner", "developer", "reader"} else {}
    person = await somebody(browser, "someone", administrator=who == "administrator", **roles)
    return person, ("someone", PASSWORD)


def test_every_page_has_a_row():
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    assert names == set(PAGES)


@pytest.mark.parametrize("who", sorted(EVERYBODY))
async def test_pages(browser, place, who):
    person, shown = await come(browser, who)
    basic = {}
    if shown is not None and person.session == "":
        # A key opens the index and never a page.
        basic = {"Authorization": "Basic " + b64encode(":".join(shown).encode()).decode()}
    found, wanted = {}, {}
    # Whoever logs out, or deletes what the others are about, comes last.
    for name, (method, path, allowed) in sorted(
        PAGES.items(), key=lambda row: (row[0] == "logout", row[0] in LAST)
    ):
        url = path.format(**place)
        answer = await (person.get(url, **basic) if method == "GET" else person.post(url, **basic))
        assert answer.status < 500, name
        # Somebody else's key is as if it were not there.
        gone = {404} if name.startswith("credential-") else set()
        to_login = answer.headers.get("location", "").startswith("/accounts/login/?next=")
        found[name] = "login" if to_login else "no" if answer.status in {401, 403} | gone else "yes"
        # A monitoring system has no use for a login page.
        to_login = who in NOBODY and name != "metrics"
        wanted[name] = "yes" if who in allowed else "login" if to_login else "no"
    assert found == wanted


async def test_nothing_is_done_for_a_form_from_elsewhere(browser, place):
    """Another site can have a browser send it, with the session, but without the token of a form of ours."""
    person = await somebody(browser, "someone", administrator=True)
    posted = {path.format(**place) for method, path, _ in PAGES.values() if method == "POST"}
    forms = {path.format(**place) for method, path, _ in PAGES.values() if method == "GET"}
    for url in sorted(posted | forms):
        headers = {"Cookie": f"localshop_session={person.session}", "Origin": "https://elsewhere.example"}
        answer = await browser.ask("POST", url, headers=headers, peer=AWAY)
        # A page that takes no forms at all says that.
        assert answer.status in ({403} if url in posted else {403, 405}), url
    assert (await person.get("/accounts/users/")).status == 200


@pytest.mark.parametrize("who", sorted(EVERYBODY))
async def test_index(browser, place, who):
    person, shown = await come(browser, who)
    for (method, path), allowed in INDEX.items():
        headers, body = upload_of(wheel("acme", "2.0")) if method == "POST" else ({}, b"")
        url = "/repo/default/" + path.format(**place)
        answer = await browser.ask(method, url, headers=headers, auth=shown, peer=person.peer, body=body)
        assert answer.status == (200 if who in allowed else 401 if shown is None else 403), (method, path)
