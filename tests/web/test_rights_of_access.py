"""Who may open and send which page about credentials, networks and repositories, as one table."""

from __future__ import annotations

import pytest

from localshop.catalog import credentials, networks, repositories
from people import Person, somebody
from threads import in_thread

WHO = ("administrator", "owner", "developer", "reader", "stranger", "anonymous")
"""The roles are those in ``default``, which is for members only here; nobody has one in ``other``."""
LOGIN = 302

NEW = {"comment": "laptop"}
RULE = {"network": "198.51.100.0/24", "credentials": "yes"}
SETTINGS = {"upstreams": "", "miss": "stream", "fresh": "60"}

RIGHTS = [
    # method, URL, form, and the status for each of WHO
    ("GET", "/credentials/", {}, (200, 200, 200, 200, 200, LOGIN)),
    ("GET", "/credentials/new/", {}, (200, 200, 200, 200, 200, LOGIN)),
    ("POST", "/credentials/new/", NEW | {"holder": "me"}, (200, 200, 200, 200, 200, LOGIN)),
    ("GET", "/credentials/{scoped}/delete/", {}, (200, 200, 404, 404, 404, LOGIN)),
    ("POST", "/credentials/{scoped}/delete/", {}, (302, 302, 404, 404, 404, LOGIN)),
    ("POST", "/credentials/{scoped}/disable/", {}, (302, 302, 404, 404, 404, LOGIN)),
    ("POST", "/credentials/{scoped}/enable/", {}, (302, 302, 404, 404, 404, LOGIN)),
    ("GET", "/credentials/{scoped}/disable/", {}, (405, 405, 405, 405, 405, 405)),
    ("GET", "/credentials/{wide}/delete/", {}, (200, 404, 404, 404, 404, LOGIN)),
    ("POST", "/credentials/{wide}/delete/", {}, (302, 404, 404, 404, 404, LOGIN)),
    ("POST", "/credentials/{wide}/disable/", {}, (302, 404, 404, 404, 404, LOGIN)),
    ("POST", "/credentials/{everywhere}/disable/", {}, (302, 404, 404, 404, 404, LOGIN)),
    ("POST", "/credentials/lsk_nothing/disable/", {}, (404, 404, 404, 404, 404, LOGIN)),
    ("GET", "/permissions/cidr/", {}, (200, 200, 403, 403, 403, LOGIN)),
    ("GET", "/permissions/cidr/default/+new/", {}, (200, 200, 403, 403, 403, LOGIN)),
    ("POST", "/permissions/cidr/default/+new/", RULE, (302, 302, 403, 403, 403, LOGIN)),
    ("GET", "/permissions/cidr/default/10.0.0.0/8/edit/", {}, (200, 200, 403, 403, 403, LOGIN)),
    ("POST", "/permissions/cidr/default/10.0.0.0/8/edit/", RULE, (302, 302, 403, 403, 403, LOGIN)),
    ("GET", "/permissions/cidr/default/10.0.0.0/8/delete/", {}, (200, 200, 403, 403, 403, LOGIN)),
    ("POST", "/permissions/cidr/default/10.0.0.0/8/delete/", {}, (302, 302, 403, 403, 403, LOGIN)),
    ("POST", "/permissions/cidr/other/+new/", RULE, (302, 403, 403, 403, 403, LOGIN)),
    ("POST", "/permissions/cidr/other/127.0.0.0/8/delete/", {}, (302, 403, 403, 403, 403, LOGIN)),
    ("GET", "/repositories/", {}, (200, 200, 200, 200, 200, LOGIN)),
    ("GET", "/repositories/+new/", {}, (200, 403, 403, 403, 403, LOGIN)),
    ("POST", "/repositories/+new/", SETTINGS | {"slug": "third"}, (302, 403, 403, 403, 403, LOGIN)),
    ("GET", "/repositories/default/edit/", {}, (200, 200, 403, 403, 403, LOGIN)),
    ("POST", "/repositories/default/edit/", SETTINGS, (302, 302, 403, 403, 403, LOGIN)),
    ("POST", "/repositories/other/edit/", SETTINGS, (302, 403, 403, 403, 403, LOGIN)),
    ("POST", "/repositories/default/refresh/", {}, (302, 302, 403, 403, 403, LOGIN)),
    ("POST", "/repositories/other/refresh/", {}, (302, 403, 403, 403, 403, LOGIN)),
    ("GET", "/repositories/default/refresh/", {}, (405, 405, 405, 405, 405, 405)),
    ("GET", "/repositories/other/delete/", {}, (200, 403, 403, 403, 403, LOGIN)),
    ("POST", "/repositories/other/delete/", {"typed": "other"}, (302, 403, 403, 403, 403, LOGIN)),
    ("POST", "/repositories/default/delete/", {"typed": "default"}, (403, 403, 403, 403, 403, LOGIN)),
    ("GET", "/repositories/default/set-up/", {}, (200, 200, 200, 200, 403, LOGIN)),
    ("POST", "/repositories/default/set-up/", NEW, (200, 200, 200, 200, 403, LOGIN)),
    ("GET", "/repositories/other/set-up/", {}, (200, 200, 200, 200, 200, LOGIN)),
    ("POST", "/repositories/other/set-up/", NEW, (200, 200, 200, 200, 200, LOGIN)),
    ("GET", "/repositories/none/set-up/", {}, (404, 404, 404, 404, 404, LOGIN)),
    ("GET", "/repositories/none/edit/", {}, (404, 404, 404, 404, 404, 404)),
]


@pytest.fixture
async def keys(browser):
    """Credentials of nobody who asks: for ``default``, for both repositories, for everything."""
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"members_only": True})
    await in_thread(networks.add_network, "default", "10.0.0.0/8")
    await in_thread(
        repositories.create_repository, "other", upstreams=[], networks=networks.FIRST_NETWORKS, changes={}
    )
    scopes = {"scoped": ["default"], "wide": ["default", "other"], "everywhere": []}
    made = {
        name: await in_thread(credentials.create_credential, repositories=slugs)
        for name, slugs in scopes.items()
    }
    return {name: row.access_key for name, (row, _) in made.items()}


async def person(browser, who):
    if who == "anonymous":
        return Person(browser)
    roles = {"default": who} if who in {"owner", "developer", "reader"} else {}
    return await somebody(browser, who, administrator=who == "administrator", **roles)


@pytest.mark.parametrize("who", WHO)
async def test_who_may_do_what(browser, keys, who):
    asking = await person(browser, who)
    answers = {}
    for method, url, form, statuses in RIGHTS:
        await in_thread(_as_it_was, keys)
        path = url.format(**keys)
        answer = await (asking.get(path) if method == "GET" else asking.post(path, form))
        if answer.status == 302 and who == "anonymous":
            assert answer.headers["location"].startswith("/accounts/login/"), url
        elif answer.status == 302:
            assert not answer.headers["location"].startswith("/accounts/"), url
        answers[method, url] = (answer.status, statuses[WHO.index(who)])
    assert {key: pair for key, pair in answers.items() if pair[0] != pair[1]} == {}


@pytest.mark.parametrize("who", WHO[:5])
async def test_no_page_acts_without_its_token(browser, keys, who):
    """A page elsewhere must not be able to act for somebody who is logged in here."""
    asking = await person(browser, who)
    for method, url, _, _ in RIGHTS:
        if method == "POST":
            headers = {"Cookie": f"localshop_session={asking.session}", "Content-Length": "0"}
            answer = await browser.ask("POST", url.format(**keys), headers=headers, peer=asking.peer)
            assert (answer.status, "Please try once more" in answer.text) == (403, True), url


def _as_it_was(keys):
    """Put back what a line of the table may have taken away."""
    from localshop.catalog.models import Credential, Network, Repository

    other, made = Repository.objects.get_or_create(slug="other")
    if made:
        networks.add_network("other", "0.0.0.0/0", upload=True)
        networks.add_network("other", "127.0.0.0/8", credentials=False)
        Credential.objects.get(access_key=keys["wide"]).repositories.add(other)
    Repository.objects.filter(slug="third").delete()
    Repository.objects.filter(slug="default").update(members_only=True)
    Network.objects.filter(network="198.51.100.0/24").delete()
    networks.add_network("default", "10.0.0.0/8")
    networks.add_network("other", "127.0.0.0/8", credentials=False)
    for name, slugs in {"scoped": ["default"], "wide": ["default", "other"], "everywhere": []}.items():
        if not Credential.objects.filter(access_key=keys[name]).exists():
            row = Credential.objects.create(
                access_key=keys[name], secret_sha256=name, everywhere=name == "everywhere"
            )
            row.repositories.set(Repository.objects.filter(slug__in=slugs))
