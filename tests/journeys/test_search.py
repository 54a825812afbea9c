"""``pip search`` over XML-RPC: our own projects, whoever may read them, and never a crash."""

from __future__ import annotations

from xmlrpc import client

import pytest

from distributions import wheel
from localshop.catalog import credentials, networks, repositories
from localshop.catalog.models import Project, Repository
from threads import in_thread
from upload_form import upload_of

XML = {"Content-Type": "text/xml"}
AWAY = "203.0.113.9"


@pytest.fixture
async def upload(browser):
    row, secret = await in_thread(credentials.create_credential, upload=True)

    async def send(distribution, repository="default"):
        headers, body = upload_of(distribution)
        auth = (row.access_key, secret)
        url = f"/repo/{repository}/"
        answer = await browser.ask("POST", url, headers=headers, body=body, auth=auth, peer=AWAY)
        assert answer.status == 200, answer.text

    return send


@pytest.fixture
def ask(browser):
    """Call a method as pip does; gives what it returns, and raises its fault."""

    async def call(*parameters, method="search", url="/simple/", headers=XML, **more):
        body = client.dumps(parameters, method).encode()
        answer = await browser.ask("POST", url, headers=headers, body=body, **more)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
        return client.loads(answer.body)[0][0]

    return call


def names(found):
    return [hit["name"] for hit in found]


@pytest.mark.parametrize(
    "url",
    ["/simple/", "/simple", "/repo/default/", "/repo/default", "/repo/default/+simple/", "/pypi", "/pypi/"],
)
async def test_own_projects_are_found_at_every_index_url(ask, upload, upstream, url):
    upstream.add(wheel("Acme-mirrored", "1.0"))
    await upload(wheel("Acme.Tool", "1.0"))
    await upload(wheel("Acme.Tool", "2.0rc1"))
    await upload(wheel("other", "1.0"))

    found = await ask({"name": ["acme"], "summary": ["acme"]}, "or", url=url)

    assert found == [{"name": "Acme.Tool", "version": "1.0", "summary": "For tests", "_pypi_ordering": 0}]
    assert upstream.count() == 0


SEARCHES = [
    (({"name": "TOOL"},), ["Acme.Tool"]),
    (({"name": "acme_tool"},), ["Acme.Tool"]),
    (({"name": ["tool", "oth"]}, "and"), ["Acme.Tool", "other"]),
    (({"summary": "for TESTS"},), ["Acme.Tool", "other"]),
    (({"name": "tool", "summary": "for tests"},), ["Acme.Tool"]),
    (({"name": "tool", "summary": "nothing"},), []),
    (({"name": "tool", "summary": "nothing"}, "or"), ["Acme.Tool"]),
    (({"name": "%"},), []),
    (({"name": "_", "summary": "_"}, "or"), ["Acme.Tool"]),
    (({"summary": "\\"},), []),
    (({"summary": "'; --"},), []),
    (({"name": ""},), []),
    (({},), []),
]


async def test_a_search_finds_what_contains_its_words(ask, upload):
    await upload(wheel("Acme.Tool", "1.0"))
    await upload(wheel("other", "1.0"))
    for parameters, expected in SEARCHES:
        assert names(await ask(*parameters)) == expected, parameters


async def test_other_repositories_and_hidden_projects_are_not_found(ask, upload):
    await in_thread(
        repositories.create_repository, "team", upstreams=[], networks=networks.FIRST_NETWORKS, changes={}
    )
    await upload(wheel("acme-one", "1.0"))
    await upload(wheel("acme-two", "1.0"), "team")
    await upload(wheel("acme-three", "1.0"))
    bad = Project.objects.filter(name="acme-three")
    await in_thread(bad.update, status="quarantined")

    assert names(await ask({"name": "acme"})) == ["acme-one"]
    assert names(await ask({"name": "acme"}, url="/repo/team/")) == ["acme-two"]


async def test_at_most_a_hundred_are_told(ask, upload):
    await upload(wheel("demo", "1.0"))

    def fill():
        repository = Repository.objects.get(slug="default")
        for number in range(120):
            Project.objects.create(repository=repository, name=f"demo-{number:03}", kind="private")

    await in_thread(fill)
    assert names(await ask({"name": "demo"})) == ["demo"]


async def test_a_search_needs_no_right_to_upload_but_one_to_read(browser, ask, upload):
    await upload(wheel("demo", "1.0"))
    row, secret = await in_thread(credentials.create_credential)
    auth = (row.access_key, secret)
    assert names(await ask({"name": "demo"}, peer=AWAY, auth=auth)) == ["demo"]
    assert names(await ask({"name": "demo"}, url="/pypi", headers={}, peer=AWAY, auth=auth)) == ["demo"]
    body = client.dumps(({"name": "demo"},), "search").encode()
    assert (await browser.ask("POST", "/simple/", headers=XML, body=body, peer=AWAY)).status == 401


IMPOSSIBLE = [
    ("list_packages", (), -32601),
    ("system.listMethods", (), -32601),
    ("search", (), -32602),
    ("search", ("demo",), -32602),
    ("search", ({"name": "demo"}, "xor"), -32602),
    ("search", ({"name": "demo"}, ["or"]), -32602),
    ("search", ({"name": "demo"}, "or", "more"), -32602),
    ("search", ({"author": "demo"},), -32602),
    ("search", ({"name": 5},), -32602),
    ("search", ({"name": [["demo"]]},), -32602),
    ("search", ({"name": ["a"] * 21},), -32602),
    ("search", ({"name": "a" * 201},), -32602),
]


async def test_what_cannot_be_done_is_a_fault(ask):
    for method, parameters, code in IMPOSSIBLE:
        with pytest.raises(client.Fault) as caught:
            await ask(*parameters, method=method)
        assert caught.value.faultCode == code, (method, parameters)


NO_CALLS = [
    (b"", -32700),
    (b"{}", -32700),
    (b"<methodCall></methodCall>", -32700),
    (b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><methodCall/>", -32700),
    (b"<methodResponse><params/></methodResponse>", -32600),
    (b"<methodCall>" + b" " * 65_536 + b"</methodCall>", -32600),
]


async def test_a_body_that_is_no_call_is_a_fault(browser):
    for body, code in NO_CALLS:
        for url, headers in (("/simple/", XML), ("/pypi", {}), ("/pypi/", {"Content-Length": "x"})):
            answer = await browser.ask("POST", url, headers=headers, body=body)
            assert answer.status == 200
            with pytest.raises(client.Fault) as caught:
                client.loads(answer.body)
            assert caught.value.faultCode == (-32600 if "Content-Length" in headers else code), body


async def test_xml_for_a_project_is_no_call(browser):
    for path in ("/simple/demo/", "/repo/default/pypi/demo/json"):
        row, secret = await in_thread(credentials.create_credential, upload=True)
        auth = (row.access_key, secret)
        answer = await browser.ask("POST", path, headers=XML, auth=auth, peer=AWAY)
        assert answer.status == 405
