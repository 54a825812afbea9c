"""Networks in the browser: what a rule means for oneself is said before it is saved, and asked about."""

from __future__ import annotations

import html

import pytest

from localshop.catalog import networks, repositories
from localshop.catalog.models import Event, Network
from people import AWAY, queries_of, somebody
from threads import in_thread

NEW = "/permissions/cidr/default/+new/"
EVERYWHERE = "/permissions/cidr/default/0.0.0.0/0"


async def rules():
    rows = await in_thread(lambda: list(Network.objects.exclude(network__in=["::/0", "::1/128"])))
    return {row.network: (row.credentials, row.upload, row.label) for row in rows}


@pytest.fixture
async def owner(browser):
    return await somebody(browser, "olga", default="owner")


async def test_the_list_says_where_one_sits_and_which_rule_decides(owner):
    page = (await owner.get("/permissions/cidr/")).text
    assert AWAY in page
    assert page.count("decides for you") == 1
    assert "You may download with credentials, and upload with credentials." in page


async def test_a_rule_is_added_changed_moved_and_removed(owner):
    form = {"network": "10.0.0.0/8", "credentials": "no", "label": "office"}
    assert (await owner.post(NEW, form)).headers["location"] == "/permissions/cidr/"
    assert (await rules())["10.0.0.0/8"] == (False, False, "office")

    edit = "/permissions/cidr/default/10.0.0.0/8/edit/"
    assert 'value="office"' in (await owner.get(edit)).text
    await owner.post(edit, {"network": "10.1.0.0/16", "credentials": "yes", "upload": "on", "label": "lab"})
    assert "10.0.0.0/8" not in await rules()
    assert (await rules())["10.1.0.0/16"] == (True, True, "lab")

    await owner.post("/permissions/cidr/default/10.1.0.0/16/delete/")
    assert "10.1.0.0/16" not in await rules()
    told = await in_thread(lambda: list(Event.objects.order_by("id").values_list("action", "who", "address")))
    assert told == [(f"network-{done}", "olga", AWAY) for done in ("added", "changed", "removed")]


async def test_networks_of_ipv6_are_named_in_urls_too(owner):
    await owner.post(NEW, {"network": "2001:db8::/32", "credentials": "yes"})
    assert (await owner.get("/permissions/cidr/default/2001:db8::/32/edit/")).status == 200


async def test_checking_saves_nothing(owner):
    form = {"network": "203.0.113.0/24", "credentials": "no", "check": "1"}
    answer = await owner.post(NEW, form)
    assert answer.status == 200
    assert "This would let you in, but not as before." in answer.text
    assert "You may download without credentials, and upload with credentials." in answer.text
    assert "203.0.113.0/24" not in await rules()


async def test_whoever_locks_himself_out_is_asked_first(owner, browser):
    before = await rules()
    page = await owner.get(f"{EVERYWHERE}/delete/")
    assert "This would lock you out." in page.text
    answer = await owner.post(f"{EVERYWHERE}/delete/")
    assert (answer.status, await rules()) == (200, before)

    form = {"network": "192.0.2.0/24", "credentials": "yes", "upload": "on"}
    answer = await owner.post(f"{EVERYWHERE}/edit/", form)
    assert (answer.status, await rules()) == (200, before)
    assert "From your address you could use this repository no more." in answer.text

    answer = await owner.post(f"{EVERYWHERE}/edit/", form | {"confirm": "on"})
    assert (answer.status, "0.0.0.0/0" in await rules()) == (302, False)
    # The pages for changing it stay open to him, so he can let himself in again.
    again = {"network": AWAY, "credentials": "yes", "check": "1"}
    assert "This would let you in." in (await owner.post(NEW, again)).text


async def test_uploads_without_credentials_are_asked_about(owner):
    form = {"network": "10.0.0.0/8", "credentials": "no", "upload": "on"}
    answer = await owner.post(NEW, form)
    assert "Anybody in this network could upload packages without credentials." in answer.text
    assert "10.0.0.0/8" not in await rules()
    await owner.post(NEW, form | {"confirm": "on"})
    assert (await rules())["10.0.0.0/8"] == (False, True, "")


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        ("10.0.0.1/8", "has host bits set"),
        ("everywhere", "is no network"),
        ("<script>alert(1)</script>", "is no network"),
        ("0.0.0.0/0", "There is a rule for 0.0.0.0/0 already"),
        ("", "This field is required."),
        ("1" * 51, "at most 50 characters"),
    ],
)
async def test_a_network_that_is_none_is_said_to_be_none(owner, network, sentence):
    answer = await owner.post(NEW, {"network": network, "credentials": "yes"})
    assert (answer.status, sentence in html.unescape(answer.text)) == (200, True)
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("network", ["10.9.0.0/16", "nonsense", "10.0.0.1/8", "0.0.0.0/99"])
async def test_a_rule_that_is_not_there_is_not_found(owner, network):
    for what in ("edit", "delete"):
        assert (await owner.get(f"/permissions/cidr/default/{network}/{what}/")).status == 404


async def test_a_new_rule_holds_with_the_next_request(owner, browser):
    assert (await browser.get("/repo/default/", peer="10.0.0.5")).status == 401
    await owner.post(NEW, {"network": "10.0.0.0/8", "credentials": "no"})
    assert (await browser.get("/repo/default/", peer="10.0.0.5")).status == 200


async def test_more_rules_need_no_more_queries(browser):
    chief = await somebody(browser, "chief", administrator=True)
    counts = []
    for many in range(2):
        for number in range(10):
            await in_thread(networks.add_network, "default", f"10.{many}.{number}.0/24")
            slug = f"more-{many}-{number}"
            await in_thread(
                repositories.create_repository,
                slug,
                upstreams=[],
                networks=networks.FIRST_NETWORKS,
                changes={},
            )
        counts.append(len(await queries_of(chief, "/permissions/cidr/")))
    assert counts[0] == counts[1]
