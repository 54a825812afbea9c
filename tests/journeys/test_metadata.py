"""METADATA of wheels: from the upstream, else out of the wheel; always from here, always byte-exact."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from distributions import sdist, wheel
from fake_upstream import flipped, garbage

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


def url_of(held):
    return f"/repo/default/{held.distribution.path}.metadata"


@pytest.mark.parametrize("metadata", ["advertised", "unadvertised", "absent"])
@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("html_only", [True, False])
async def test_metadata_is_there_whatever_the_upstream_can_do(browser, upstream, metadata, ranges, html_only):
    """A missing .metadata that was announced stops an installation; a slow one costs the whole wheel."""
    upstream.ranges, upstream.html_only = ranges, html_only
    held = upstream.add(wheel("demo", "1.0", size=3_000_000, requires=["other"]), metadata=metadata)

    answer = await browser.get(url_of(held))
    upstream.stop()
    again = await browser.get(url_of(held))

    assert (answer.status, answer.body) == (200, held.distribution.metadata)
    assert again.body == answer.body
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.body).hexdigest()}"'
    assert "immutable" in answer.headers["cache-control"]


async def test_the_whole_wheel_is_not_fetched_for_its_metadata(browser, upstream):
    held = upstream.add(wheel("demo", "1.0", size=3_000_000), metadata="absent")

    await browser.get(url_of(held))

    ranged = [seen for seen in upstream.seen(f"/{held.distribution.path}") if "Range" in seen.headers]
    assert len(ranged) == upstream.count(f"/{held.distribution.path}") <= 3


@pytest.mark.parametrize("change", [flipped, garbage])
async def test_metadata_that_is_not_the_announced_one_is_not_believed(browser, upstream, change):
    held = upstream.add(wheel("demo", "1.0"))
    upstream.fault("*.metadata", change=change)

    answer = await browser.get(url_of(held))

    assert (answer.status, answer.body) == (200, held.distribution.metadata)


async def test_a_failed_look_up_is_not_a_missing_file(browser, upstream):
    """On a 404 pip and uv give the installation up; on a 503 they try again."""
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/")
    upstream.fault("/packages/*", status=500)

    assert (await browser.get(url_of(held))).status == 503
    upstream.heal()
    assert (await browser.get(url_of(held))).status == 200


async def test_many_who_ask_at_once_make_one_trip(browser, upstream):
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/")

    answers = await asyncio.gather(*[browser.get(url_of(held)) for _ in range(20)])

    assert {answer.status for answer in answers} == {200}
    assert upstream.count("/packages/*") == 1


async def test_sdists_have_none(browser, upstream):
    held = upstream.add(sdist("demo", "1.0"))

    [file] = (await browser.get("/repo/default/demo/", headers=JSON)).json()["files"]

    assert "core-metadata" not in file
    assert (await browser.get(url_of(held))).status == 404


async def test_the_page_says_the_digest_once_it_is_known(browser, upstream, clock):
    held = upstream.add(wheel("demo", "1.0"), metadata="absent")
    [first] = (await browser.get("/repo/default/demo/", headers=JSON)).json()["files"]
    await browser.get(url_of(held))
    upstream.add(wheel("demo", "2.0"))
    clock.forward(601)
    await browser.get("/repo/default/demo/", headers=JSON)
    while browser.application._shop._behind:
        await asyncio.sleep(0.01)

    files = (await browser.get("/repo/default/demo/", headers=JSON)).json()["files"]

    assert first["core-metadata"] is True
    digest = hashlib.sha256(held.distribution.metadata).hexdigest()
    assert next(file for file in files if "1.0" in file["filename"])["core-metadata"] == {"sha256": digest}
