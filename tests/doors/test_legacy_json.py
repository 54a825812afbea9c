"""The legacy JSON API over HTTP: at every address that Renovate, Dependabot and scripts ask."""

from __future__ import annotations

import gzip
from http import HTTPStatus

import pytest

from distributions import sdist, wheel
from localshop.catalog import credentials, networks, repositories
from pages import JSON, settled
from threads import in_thread
from upload_form import upload_of

AWAY = "203.0.113.9"


@pytest.fixture
def demo(upstream):
    upstream.add(sdist("Demo.Lib", "1.0"), upload_time="2024-01-02T03:04:05.678901Z", yanked="old")
    upstream.add(wheel("Demo.Lib", "2.0", requires=["other"], requires_python=">=3.9"))
    upstream.add(wheel("Demo.Lib", "3.0rc1"))


@pytest.mark.parametrize(
    "path",
    [
        "/repo/default/pypi/demo-lib/json",
        "/repo/default/pypi/Demo.Lib/json/",
        "/repo/default/demo-lib/json",
        "/repo/default/+simple/Demo_Lib/json",
        "/simple/demo-lib/json",
        "/simple/pypi/demo-lib/json",
        "/pypi/Demo.Lib/json",
        "/pypi/demo-lib/json/",
    ],
)
async def test_a_project_is_told_at_every_address_that_clients_make_up(browser, demo, path):
    """Dependabot makes it from an index URL and the name as it is written; Renovate in another way."""
    answer = await browser.get(path, headers={"Accept": "text/html"})

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-cache"
    told = answer.json()
    assert list(told["releases"]) == ["1.0", "2.0", "3.0rc1"]
    assert (told["info"]["version"], told["info"]["summary"]) == ("2.0", "For tests")
    assert told["info"]["requires_dist"] == ["other"]
    [old] = told["releases"]["1.0"]
    assert (old["yanked"], old["yanked_reason"], old["upload_time"]) == (True, "old", "2024-01-02T03:04:05")
    assert [file["filename"] for file in told["urls"]] == ["demo_lib-2.0-py3-none-any.whl"]
    assert (await browser.get(told["urls"][0]["url"])).status in {HTTPStatus.OK, HTTPStatus.FOUND}


async def test_one_version_is_told_alone(browser, demo):
    for prefix in ("/repo/default/pypi", "/simple/pypi", "/pypi"):
        for version in ("3.0rc1", "3.0.RC1", "3rc1"):
            told = (await browser.get(f"{prefix}/Demo_Lib/{version}/json")).json()
            assert "releases" not in told
            assert (told["info"]["version"], len(told["urls"])) == ("3.0rc1", 1)


MISSING = [
    ("/pypi/nothing/json", "no-such-project"),
    ("/pypi/no%20name/json", "no-such-project"),
    ("/pypi/demo-lib/9/json", "no-such-release"),
    ("/pypi/demo-lib/nonsense/json", "no-such-release"),
    ("/repo/nowhere/pypi/demo-lib/json", "no-such-repository"),
    ("/repo/default/demo-lib/2.0/json", "no-such-page"),
    ("/pypi/demo-lib/2.0/3.0/json", "no-such-page"),
    ("/pypi/demo-lib", "no-such-page"),
    ("/pypi/json", "no-such-page"),
    ("/pypi//json", "no-such-page"),
    ("/pypi/", "no-such-page"),
    ("/pypi", "no-such-page"),
]


async def test_what_there_is_not_is_404(browser, demo):
    for path, slug in MISSING:
        answer = await browser.get(path)
        assert (answer.status, answer.headers["x-localshop-refusal"]) == (404, slug), path


async def test_a_project_that_is_called_pypi_is_a_project(browser, upstream):
    upstream.add(wheel("pypi", "1.0"))
    for path in ("/repo/default/pypi/json", "/repo/default/pypi/pypi/json", "/pypi/pypi/json"):
        assert (await browser.get(path)).json()["info"]["name"] == "pypi"
    assert (await browser.get("/repo/default/pypi/")).status == HTTPStatus.OK


async def test_it_is_revalidated_and_compressed_like_a_page(browser, demo):
    path = "/pypi/demo-lib/json"
    plain = await browser.get(path)
    packed = await browser.get(path, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["etag"] != plain.headers["etag"]
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    again = await browser.get(path, headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status, again.headers["etag"]) == (304, plain.headers["etag"])
    head = await browser.head(path)
    assert (head.status, head.headers, head.body) == (200, plain.headers, b"")
    assert (await browser.ask("POST", path, peer=AWAY)).status == HTTPStatus.UNAUTHORIZED


async def test_it_is_guarded_as_the_page_is(browser, demo):
    """What one may not read as a page must not be read here."""
    await in_thread(
        repositories.create_repository, "other", upstreams=[], networks=networks.FIRST_NETWORKS, changes={}
    )
    row, secret = await in_thread(credentials.create_credential, repositories=["other"])
    good, good_secret = await in_thread(credentials.create_credential)
    for path in ("/repo/default/demo-lib/", "/repo/default/pypi/demo-lib/json", "/pypi/nothing/json"):
        asked = [
            await browser.get(path, peer=AWAY),
            await browser.get(path, peer=AWAY, auth=(row.access_key, secret)),
        ]
        assert [answer.status for answer in asked] == [401, 403]
    answer = await browser.get("/pypi/demo-lib/json", peer=AWAY, auth=(good.access_key, good_secret))
    assert (answer.status, answer.headers["cache-control"]) == (200, "private, no-cache")


async def test_what_the_page_hides_is_hidden_here(browser, upstream, demo):
    upstream.status["demo-lib"] = "quarantined"
    told = (await browser.get("/pypi/demo-lib/json")).json()
    assert (told["releases"], told["urls"], told["info"]["version"]) == ({}, [], "")
    assert (await browser.get("/pypi/demo-lib/2.0/json")).status == HTTPStatus.NOT_FOUND
    assert (await browser.get("/repo/default/demo-lib/", headers=JSON)).json()["files"] == []


async def test_a_reserved_name_is_not_asked_for_upstream(browser, upstream):
    upstream.add(wheel("acme-tool", "99.0"))
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"reserved": ["acme-*"]})
    assert (await browser.get("/pypi/acme-tool/json")).json()["releases"] == {}
    assert upstream.count() == 0


async def test_a_private_project_is_told_with_its_own_metadata(browser, upstream):
    row, secret = await in_thread(credentials.create_credential, upload=True)
    for mine in (sdist("Acme.Tool", "1.0"), wheel("Acme.Tool", "0.9", requires=["other"])):
        headers, body = upload_of(mine)
        auth = (row.access_key, secret)
        sent = await browser.ask("POST", "/simple/", headers=headers, body=body, auth=auth, peer=AWAY)
        assert sent.status == HTTPStatus.OK, sent.text
        told = (await browser.get("/pypi/acme-tool/json")).json()

    assert (told["info"]["name"], told["info"]["version"]) == ("Acme.Tool", "1.0")
    assert told["info"]["summary"] == "For tests"
    assert (await browser.get("/pypi/acme-tool/0.9/json")).json()["info"]["requires_dist"] == ["other"]
    assert upstream.count() == 0


async def test_a_failing_upstream_costs_only_what_metadata_would_say(browser, upstream, demo, clock):
    """Renovate needs dates and versions: they do not wait for a README."""
    await browser.get("/simple/demo-lib/")
    upstream.fault("/packages/*", status=500)
    told = (await browser.get("/pypi/demo-lib/json")).json()
    assert (list(told["releases"]), told["info"]["summary"]) == (["1.0", "2.0", "3.0rc1"], "")
    assert (told["info"]["version"], told["info"]["requires_python"]) == ("2.0", ">=3.9")

    upstream.heal()
    clock.forward(61)
    assert (await browser.get("/pypi/demo-lib/json")).json()["info"]["summary"] == "For tests"


@pytest.mark.parametrize("offline", [True, False])
async def test_an_unknown_project_of_a_failing_upstream_is_503(browser, upstream, set_config, offline):
    upstream.fault("*", status=500)
    set_config(offline=offline)
    assert (await browser.get("/pypi/demo/json")).status == (404 if offline else 503)


async def test_looking_at_a_project_brings_nothing_home(browser, upstream):
    """A look does not decide where a project comes from, and fetches no gigabytes for a README."""
    upstream.ranges = False
    held = upstream.add(wheel("demo", "1.0", size=10_000_000), metadata="absent")
    told = (await browser.get("/pypi/demo/json")).json()
    await settled(browser)
    assert (told["info"]["version"], told["info"]["summary"]) == ("1.0", "")
    row = await browser.application._shop.reads.file(1, held.distribution.path, held.filename)
    assert row.id == 0
    metadata = await browser.get(f"/repo/default/{held.distribution.path}.metadata")
    assert metadata.body == held.distribution.metadata


async def test_metadata_is_fetched_once_for_all_who_look(browser, upstream, demo):
    for path in ("/pypi/demo-lib/json", "/simple/demo-lib/json", "/pypi/demo-lib/2.0/json"):
        assert (await browser.get(path)).json()["info"]["summary"] == "For tests"
    assert upstream.count("/packages/*") == 1


async def test_urls_are_absolute_when_the_public_url_is_known(browser, demo, set_config):
    """Clients of this API do not resolve URLs; but the index does not believe the Host header."""
    [file] = (await browser.get("/pypi/demo-lib/json")).json()["urls"]
    assert file["url"].startswith("/repo/default/packages/")
    set_config(public_url="https://shop.example")
    clean = browser.application._shop.pages
    clean.clear()
    told = (await browser.get("/pypi/demo-lib/json")).json()
    assert told["urls"][0]["url"] == f"https://shop.example{file['url']}"
    assert told["info"]["package_url"] == "https://shop.example/repo/default/demo-lib/"


async def test_a_change_of_the_page_is_seen_at_once(browser, upstream, demo, clock):
    await browser.get("/pypi/demo-lib/json")
    upstream.add(wheel("Demo.Lib", "4.0"))
    clock.forward(601)
    await browser.get("/pypi/demo-lib/json")
    await settled(browser)
    assert (await browser.get("/pypi/demo-lib/json")).json()["info"]["version"] == "4.0"
