"""Upstreams that are not quite as the standards want them: they are used all the same, without guesses."""

from __future__ import annotations

import pytest

from distributions import sdist, wheel
from fake_upstream import FakeUpstream, flipped, portal
from localshop.catalog import repositories
from pages import JSON, filenames
from threads import in_thread

BUCKET = "binary/octet-stream"


@pytest.fixture
async def streaming(repository):
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})


@pytest.fixture
async def second(upstream, repository):
    """Another upstream behind the first, where somebody has taken a name of the first."""
    with FakeUpstream() as other:
        other.add(wheel("demo", "99.0"))
        await in_thread(
            repositories.edit_repository, "default", upstreams=[upstream.url, other.url], changes={}
        )
        yield other


def url_of(held):
    return f"/repo/default/{held.distribution.path}"


@pytest.mark.parametrize("html_only", [False, True])
@pytest.mark.parametrize("status", [403, 400])
async def test_a_bucket_that_says_403_for_what_it_lacks_is_asked_for_its_list(
    browser, upstream, second, status, html_only
):
    """PyTorch's index is such a bucket: with it in front nothing of PyPI could be installed."""
    upstream.html_only = html_only
    upstream.missing = status
    upstream.add(wheel("torchy", "2.0"))

    assert filenames(await browser.get("/repo/default/demo/", headers=JSON)) == ["demo-99.0-py3-none-any.whl"]
    assert (await browser.get("/repo/default/nobodys/", headers=JSON)).status == 404
    assert upstream.count("/simple/") == 1
    assert (await browser.get("/repo/default/torchy/", headers=JSON)).status == 200


@pytest.mark.parametrize(
    "list_is",
    [
        {"status": 403},
        {"status": 500},
        {"hang": False, "status": 404},
        {"change": portal, "headers": {"Content-Type": "text/html"}},
        {"change": lambda _: b'<a href="/login">Log in</a>', "headers": {"Content-Type": "text/html"}},
        {"change": lambda _: b'{"projects": []}'},
        {"redirect": "/login"},
    ],
)
async def test_who_does_not_serve_us_has_not_said_that_anything_is_missing(
    browser, upstream, second, list_is
):
    """Wrong credentials, an expired contract, a portal: the next upstream must not answer instead."""
    upstream.add(wheel("demo", "1.0"))
    upstream.add(wheel("listed", "1.0"))
    upstream.fault("/simple/*/", status=403)
    upstream.fault("/simple/", **list_is)

    answer = await browser.get("/repo/default/demo/", headers=JSON)

    assert (answer.status, answer.text.split(":")[0]) == (503, "upstream-denied")
    assert second.count("/simple/*") == 0


async def test_a_project_that_is_listed_but_denied_is_not_missing(browser, upstream, second):
    upstream.add(wheel("demo", "1.0"))
    upstream.fault("/simple/*/", status=403)

    assert (await browser.get("/repo/default/demo/", headers=JSON)).status == 503
    assert second.count("/simple/*") == 0


@pytest.mark.parametrize("status", [403, 400, 401])
async def test_where_we_show_credentials_no_list_proves_anything(browser, upstream, second, status):
    """An index may list only what our credentials open."""
    upstream.auth = ("us", "secret")
    urls = [upstream.url.replace("http://", "http://us:secret@"), second.url]
    await in_thread(repositories.edit_repository, "default", upstreams=urls, changes={})
    upstream.add(wheel("other", "1.0"))
    upstream.missing = status

    assert (await browser.get("/repo/default/demo/", headers=JSON)).status == 503
    assert second.count("/simple/*") == 0


async def test_a_project_that_is_known_outlives_a_403(browser, upstream, second, clock):
    """What was seen is not unseen because somebody has changed a rule of a bucket."""
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/", headers=JSON)
    upstream.remove(held.filename)
    upstream.fault("/simple/*/", status=403)
    clock.forward(601)
    for _ in range(3):
        page = await browser.get("/repo/default/demo/", headers=JSON)
        assert filenames(page) == [held.filename]
        clock.forward(11)


@pytest.mark.parametrize("html_only", [False, True])
@pytest.mark.parametrize("kind", ["", BUCKET, "text/plain; charset=utf-8", "application/json", "text/html"])
async def test_a_page_of_the_wrong_type_is_read_for_what_it_is(browser, upstream, html_only, kind):
    """Buckets and static servers guess at types, or send none."""
    held = upstream.add(wheel("demo", "1.0"))
    upstream.html_only = html_only
    upstream.fault(
        "/simple/*", **({"headers": {"Content-Type": kind}} if kind else {"without": ["Content-Type"]})
    )

    page = await browser.get("/repo/default/demo/", headers=JSON)

    assert filenames(page) == [held.filename]
    assert page.json()["files"][0]["hashes"] == {"sha256": held.distribution.sha256}


@pytest.mark.parametrize("quirk", [{"html_only": True, "based": True}, {"html_only": True}, {}])
async def test_plus_signs_and_bases_lead_to_the_file(browser, upstream, streaming, quirk):
    """PyTorch's versions have a plus sign, and its pages write it as %2B."""
    for name, value in {"plus": "%2B", **quirk}.items():
        setattr(upstream, name, value)
    held = upstream.add(wheel("torchy", "2.0+cpu"))

    [file] = (await browser.get("/repo/default/torchy/", headers=JSON)).json()["files"]

    assert file["filename"] == held.filename
    for url in (file["url"], file["url"].replace("+", "%2B")):
        assert (await browser.get(url)).body == held.body
    assert (await browser.get(f"{file['url']}.metadata")).body == held.distribution.metadata


@pytest.mark.parametrize("html_only", [False, True])
@pytest.mark.parametrize("algorithm", ["md5", "sha512"])
async def test_other_digests_are_checked_and_never_passed_on(
    browser, upstream, streaming, html_only, algorithm
):
    """md5 proves little, but more than nothing; what it fits is served with our own SHA-256."""
    upstream.html_only = html_only
    upstream.hashes = (algorithm,)
    held = upstream.add(sdist("demo", "1.0"))
    [before] = (await browser.get("/repo/default/demo/", headers=JSON)).json()["files"]
    assert before["hashes"] == {}
    upstream.fault("/packages/*", change=flipped)
    assert (await browser.get(before["url"])).status == 503
    upstream.heal()

    assert (await browser.get(before["url"])).body == held.body
    [after] = (await browser.get("/repo/default/demo/", headers=JSON)).json()["files"]
    assert after["hashes"] == {"sha256": held.distribution.sha256}
