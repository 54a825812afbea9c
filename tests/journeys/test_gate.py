"""The gate: before any cache, before a name is told to exist, and closed at once when a right ends."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from distributions import wheel
from localshop.catalog import credentials, networks, people, repositories
from localshop.catalog.models import Credential, Grant, Team, User
from localshop.catalog.state import access_changed
from threads import in_thread

AWAY = "203.0.113.9"


@pytest.fixture
def demo(upstream):
    return upstream.add(wheel("demo", "1.0"))


async def make(**kwargs):
    row, secret = await in_thread(credentials.create_credential, **kwargs)
    return row.access_key, secret


async def test_what_is_cached_for_one_is_not_given_to_another(browser, demo):
    """A page that somebody with credentials has just seen must not open to all for a minute."""
    pair = await make()
    paths = ("", "demo/", demo.distribution.path, f"{demo.distribution.path}.metadata")
    for path in paths:
        assert (await browser.get(f"/repo/default/{path}", auth=pair, peer=AWAY)).status in {200, 302}
    for path in paths:
        answer = await browser.get(f"/repo/default/{path}", peer=AWAY)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith('Basic realm="localshop"')
        assert "location" not in answer.headers


@pytest.mark.parametrize("form", ["pair", "token", "secret", "bearer"])
async def test_every_way_to_send_a_credential_works(browser, demo, form):
    """pip, uv, poetry and twine each have their own idea of where a token goes."""
    key, secret = await make()
    auth = {"pair": (key, secret), "token": ("__token__", f"{key}:{secret}"), "secret": ("__token__", secret)}
    headers = {"Authorization": f"Bearer {secret}"} if form == "bearer" else {}

    answer = await browser.get("/repo/default/demo/", auth=auth.get(form), headers=headers, peer=AWAY)

    assert answer.status == 200
    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    "auth", [("lsk_nobody", "x"), ("nobody", "x"), ("__token__", "lsp_x"), ("", ""), ("a" * 300, "b" * 3000)]
)
async def test_wrong_credentials_are_all_alike(browser, demo, auth):
    """Nothing in the answer tells whether a user, a key or a project exists."""
    known = await browser.get("/repo/default/demo/", auth=auth, peer=AWAY)
    unknown = await browser.get("/repo/default/nothing/", auth=auth, peer=AWAY)
    none = await browser.get("/repo/default/nothing/", peer=AWAY)

    assert known.status == 401
    assert known == unknown == none


async def test_a_wrong_secret_with_a_good_key_is_refused(browser, demo):
    key, _ = await make()
    assert (await browser.get("/repo/default/demo/", auth=(key, "wrong"), peer=AWAY)).status == 401


async def test_a_right_ends_with_the_next_request(browser, demo):
    """Whoever disables a key that leaked must be able to rely on it."""
    key, secret = await make()

    async def ask():
        return (await browser.get("/repo/default/demo/", auth=(key, secret), peer=AWAY)).status

    assert await ask() == 200
    await in_thread(credentials.set_enabled, key, enabled=False)
    assert await ask() == 401
    await in_thread(credentials.set_enabled, key, enabled=True)
    assert await ask() == 200
    await in_thread(networks.remove_network, "default", "0.0.0.0/0")
    assert await ask() == 403
    await in_thread(networks.add_network, "default", "203.0.113.0/24")
    assert await ask() == 200
    await in_thread(credentials.delete_credential, key)
    assert await ask() == 401


async def test_a_credential_expires(browser, demo, clock):
    pair = await make(expires=datetime.now(UTC) + timedelta(minutes=1))
    assert (await browser.get("/repo/default/demo/", auth=pair, peer=AWAY)).status == 200
    clock.forward(61)
    assert (await browser.get("/repo/default/demo/", auth=pair, peer=AWAY)).status == 401


async def test_who_was_let_in_to_read_may_not_write_for_that(browser, demo):
    pair = await make(upload=False)
    for status in (200, 403):
        method = "GET" if status == 200 else "POST"
        answer = await browser.ask(method, "/repo/default/", auth=pair, peer=AWAY)
        assert answer.status == status


async def test_who_was_let_in_through_a_proxy_opens_it_to_nobody_else(browser, demo):
    """All of them come from the proxy's address."""
    shop = browser.application._shop
    shop.config = dataclasses.replace(shop.config, trusted_proxies=(ip_network("10.0.0.1/32"),))

    async def ask(client):
        headers = {"X-Forwarded-For": client}
        return (await browser.get("/repo/default/demo/", headers=headers, peer="10.0.0.1")).status

    assert [await ask(client) for client in ("127.0.0.1", AWAY, "127.0.0.1")] == [200, 401, 200]


async def test_a_credential_is_good_only_where_it_was_made_for(browser, demo):
    await in_thread(
        repositories.create_repository, "second", upstreams=[], networks=networks.FIRST_NETWORKS, changes={}
    )
    pair = await make(repositories=["second"])

    here = await browser.get("/repo/default/demo/", auth=pair, peer=AWAY)
    nothing = await browser.get("/repo/default/nothing/", auth=pair, peer=AWAY)

    assert here.status == 403
    assert here == nothing
    assert (await browser.get("/repo/second/", auth=pair, peer=AWAY)).status == 200
    await in_thread(repositories.delete_repository, "second")
    assert (await browser.get("/repo/default/demo/", auth=pair, peer=AWAY)).status == 403


async def test_a_person_comes_in_with_his_password_until_he_is_shut_out(browser, demo):
    await in_thread(people.create_user, "alice", password="open sesame please")
    pair = await make(user="alice")

    async def ask(auth):
        return (await browser.get("/repo/default/demo/", auth=auth, peer=AWAY)).status

    assert await ask(("alice", "open sesame please")) == 200
    assert await ask(("alice", "open sesame")) == 401
    assert await ask(pair) == 200
    await in_thread(people.set_active, "alice", active=False)
    assert await ask(("alice", "open sesame please")) == 401
    assert await ask(pair) == 401


async def test_members_only_lets_members_in(browser, demo):
    await in_thread(people.create_user, "alice", password="open sesame please")
    await in_thread(people.create_user, "bob", password="open sesame please")
    record = await in_thread(
        repositories.edit_repository, "default", upstreams=None, changes={"members_only": True}
    )

    def join():
        team = Team.objects.create(name="team")
        team.members.add(User.objects.get(username="alice"))
        Grant.objects.create(team=team, repository_id=record.id, role="reader")
        access_changed()

    await in_thread(join)

    async def ask(auth):
        return (await browser.get("/repo/default/demo/", auth=auth)).status

    assert await ask(None) == 401
    assert await ask(("alice", "open sesame please")) == 200
    assert await ask(("bob", "open sesame please")) == 403


async def test_the_secret_is_kept_nowhere(browser, demo):
    """Whoever steals the database or a backup gets no key."""
    _, secret = await make()
    rows = await in_thread(lambda: list(Credential.objects.values()))
    assert secret not in str(rows)


async def test_when_and_where_from_a_credential_was_used_is_written_in_batches(browser, demo):
    key, secret = await make()
    await browser.get("/repo/default/demo/", auth=(key, secret), peer=AWAY)
    assert await in_thread(lambda: Credential.objects.get().last_used) is None

    await browser.application._gate.write_uses()

    row = await in_thread(Credential.objects.get)
    assert (row.last_used is not None, row.last_address) == (True, AWAY)


async def test_each_use_of_a_credential_counts_also_of_one_who_was_let_in_before(browser, demo, clock):
    pair = await make()
    seen = []
    for _ in range(2):
        await browser.get("/repo/default/demo/", auth=pair, peer=AWAY)
        await browser.application._gate.write_uses()
        seen.append((await in_thread(Credential.objects.get)).last_used)
        clock.forward(60)
    assert seen[1] - seen[0] > timedelta(seconds=50)


async def test_uploads_are_not_taken_without_credentials(browser):
    """Every upload needs credentials, also from this machine."""
    for peer in ("127.0.0.1", AWAY):
        assert (await browser.ask("POST", "/repo/default/", peer=peer)).status == 401
        assert (await browser.ask("POST", "/simple/", peer=peer)).status == 401


async def test_a_proxy_that_nobody_told_of_opens_nothing(browser, demo):
    headers = {"X-Forwarded-For": "127.0.0.1"}
    assert (await browser.get("/repo/default/demo/", headers=headers)).status == 401


async def test_a_proxy_that_nobody_told_of_is_noted_down_once_an_hour(browser, demo, clock):
    """So that `localshop doctor` can tell of it later, and no request waits for the disk."""
    marker = browser.application._shop.config.home / "untold-proxy"
    for hours in (0, 0.5, 1):
        clock.forward(hours * 3600)
        marker.unlink(missing_ok=True)
        await browser.get("/repo/default/demo/", headers={"X-Forwarded-For": "127.0.0.1"})
        assert marker.exists() == (hours != 0.5)
    marker.unlink()


async def test_a_session_cookie_opens_nothing(browser, demo):
    """The index never looks at cookies, so no page in a browser can make it act for somebody."""
    headers = {"Cookie": "localshop_session=anything; sessionid=anything"}
    answer = await browser.get("/repo/default/demo/", headers=headers, peer=AWAY)
    assert answer.status == 401
    assert "cookie" not in answer.headers.get("vary", "").lower()
