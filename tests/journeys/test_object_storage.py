"""Files in S3 (moto's server): every walk as on disk, and nothing held here but what is on its way."""

from __future__ import annotations

import hashlib
import re
import threading
import urllib.request
from contextlib import closing

import pytest
from django.conf import settings
from django.test import override_settings

from distributions import wheel
from localshop.catalog import credentials, repositories
from localshop.catalog.models import Blob, CoreMetadata
from localshop.mirror import sweep as sweeping
from localshop.mirror.checkpoint import checkpoint
from localshop.mirror.sweep import sweep
from localshop.mirror.verify import Pace, verify
from localshop.storage.pulse import Pulse
from object_store import ObjectStore
from pages import JSON, filenames, settled
from servers import until
from threads import in_thread
from upload_form import upload_of

BIG = 10_000_000
"""More than one part of a multipart upload."""


@pytest.fixture(scope="module")
def object_store():
    with ObjectStore() as running:
        yield running


@pytest.fixture(autouse=True)
def bucket(object_store):
    """A bucket of its own, before the front door opens its store."""
    object_store.heal()
    bucket = object_store.bucket()
    distributions = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {**bucket.options, "location": "localshop"},
    }
    with override_settings(STORAGES={**settings.STORAGES, "distributions": distributions}):
        yield bucket


@pytest.fixture
async def shop(browser):
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})
    return browser.application._shop


@pytest.fixture
async def uploaded(browser, shop):
    row, secret = await in_thread(credentials.create_credential, upload=True)

    async def upload(distribution, *, status=200):
        headers, body = upload_of(distribution)
        answer = await browser.ask(
            "POST", "/repo/default/", headers=headers, auth=(row.access_key, secret), body=body
        )
        assert answer.status == status, answer.text
        return distribution

    return upload


@pytest.fixture
def mirrored(browser, shop, upstream):
    async def make(name="demo", **more):
        held = upstream.add(wheel(name, "1.0", **more))
        assert (await browser.get(url_of(held))).body == held.body
        upstream.forget()
        return held

    return make


@pytest.fixture
def redirecting(shop):
    shop.store.redirects = True


def url_of(held):
    return f"/repo/default/{getattr(held, 'distribution', held).path}"


def key_of(held):
    sha256 = hashlib.sha256(held.body).hexdigest()
    return f"localshop/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def fetch(url, **headers):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with closing(opener.open(urllib.request.Request(url, headers=headers), timeout=30)) as answer:
        return answer.status, answer.headers, answer.read()


@pytest.mark.parametrize("size", [None, BIG])
async def test_what_is_uploaded_and_mirrored_is_in_the_bucket_and_given_out(
    browser, shop, bucket, uploaded, mirrored, size
):
    """And nothing of it stays on this machine."""
    own = await uploaded(wheel("acme", "1.0", size=size))
    held = await mirrored(size=size)

    assert bucket.objects() == {key_of(own): own.body, key_of(held): held.body}
    for one in (own, held):
        answer = await browser.get(url_of(one))
        assert (answer.status, answer.body) == (200, one.body)
    assert filenames(await browser.get("/repo/default/acme/", headers=JSON)) == [own.filename]
    assert not [path for path in shop.store.scratch.iterdir() if path.suffix == ".part"]


@pytest.mark.parametrize(
    ("wanted", "part"),
    [("bytes=0-0", slice(0, 1)), ("bytes=-22", slice(-22, None)), ("bytes=3000000-", slice(3_000_000, None))],
)
async def test_a_range_is_a_range_of_the_bucket(browser, bucket, uploaded, wanted, part):
    """Who resumes, or looks into a wheel, does not have us fetch all of it."""
    own = await uploaded(wheel("acme", "1.0", size=5_000_000))
    bucket.store.seen.clear()

    answer = await browser.get(url_of(own), headers={"Range": wanted})

    first, last, _ = part.indices(len(own.body))
    assert (answer.status, answer.body) == (206, own.body[part])
    assert answer.headers["content-range"] == f"bytes {first}-{last - 1}/{len(own.body)}"
    asked = [(one.method, one.range) for one in bucket.store.seen]
    assert asked == [("GET", f"bytes={first}-{last - 1}")], "one question, and no more bytes than that"


async def test_a_stale_range_and_one_behind_the_end_are_answered_as_on_disk(browser, uploaded):
    own = await uploaded(wheel("acme", "1.0"))
    other = {"Range": "bytes=5-9", "If-Range": '"another"'}
    assert (await browser.get(url_of(own), headers=other)).body == own.body
    answer = await browser.get(url_of(own), headers={"Range": "bytes=99999999-"})
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{len(own.body)}")


async def test_the_metadata_is_read_out_of_a_stored_wheel_by_ranges(browser, bucket, mirrored):
    held = await mirrored(size=5_000_000)
    # What was on its way is written down, and not anew after this.
    await settled(browser)
    await in_thread(CoreMetadata.objects.all().delete)
    bucket.store.seen.clear()

    answer = await browser.get(f"{url_of(held)}.metadata")

    assert (answer.status, answer.body) == (200, held.distribution.metadata)
    ranges = [re.fullmatch(r"bytes=(\d+)-(\d+)", one.range) for one in bucket.store.seen if one.range]
    read = sum(int(one[2]) - int(one[1]) + 1 for one in ranges)
    assert 0 < read < 600_000, ranges


async def test_a_connection_to_the_bucket_that_breaks_is_resumed(browser, bucket, uploaded):
    """The client gets the whole file, and notices nothing."""
    own = await uploaded(wheel("acme", "1.0", size=5_000_000))
    bucket.store.fail(lambda asked: asked.method == "GET", times=1, cut=2_000_000)
    answer = await browser.get(url_of(own))
    assert (answer.status, answer.body) == (200, own.body)


async def test_an_upload_that_the_bucket_does_not_take_never_happened(browser, shop, bucket, uploaded):
    """All or nothing, also when parts of it were taken already."""
    own = wheel("acme", "1.0", size=BIG)
    bucket.store.fail(lambda asked: asked.method == "PUT" and "partNumber=2" in asked.query)
    await uploaded(own, status=503)

    assert bucket.objects() == {}
    assert bucket.unfinished() == []
    assert (await browser.get("/repo/default/acme/")).status == 404
    assert await in_thread(Blob.objects.count) == 0
    assert not [path for path in shop.store.scratch.iterdir() if path.suffix == ".part"]
    bucket.store.heal()
    await uploaded(own)
    assert (await browser.get(url_of(own))).body == own.body


async def test_while_the_bucket_is_away_files_are_503_and_pages_are_served(browser, bucket, uploaded):
    own = await uploaded(wheel("acme", "1.0"))
    bucket.store.fail(lambda _: True)
    answer = await browser.get(url_of(own))
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert "slow" not in answer.headers
    assert (await browser.get("/repo/default/acme/")).status == 200
    assert (await browser.get(f"{url_of(own)}.metadata")).status == 200
    bucket.store.heal()
    assert (await browser.get(url_of(own))).body == own.body


async def test_whether_the_bucket_answers_is_told_to_monitors_without_keeping_them(bucket, browser):
    pulse = Pulse()
    # The first question may take longer than a monitor is kept.
    await in_thread(until, pulse.is_well)
    bucket.store.fail(lambda _: True)
    assert not await in_thread(Pulse().is_well)
    answered = threading.Event()
    bucket.store.heal()
    bucket.store.fail(lambda _: answered.wait(20))
    assert not await in_thread(Pulse().is_well)
    answered.set()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("change", [lambda body: body[:-1], lambda body: body + b"x", lambda body: b""])
async def test_a_file_that_was_cut_or_added_to_in_the_bucket_is_fetched_again(
    browser, bucket, mirrored, change, method
):
    """Nobody gets other bytes than those that were stored, nor a part of them as the whole."""
    held = await mirrored()
    bucket.client.put_object(Bucket=bucket.name, Key=key_of(held), Body=change(held.body))
    answer = await browser.ask(method, url_of(held), headers={"Range": "bytes=20-29"})
    assert answer.headers["content-length"] == ("10" if method == "GET" else str(len(held.body)))
    assert (await browser.get(url_of(held))).body == held.body


@pytest.mark.parametrize("way", ["stream", "redirect"])
async def test_a_mirrored_file_that_somebody_deleted_is_fetched_again(
    browser, shop, bucket, mirrored, upstream, way
):
    held = await mirrored()
    shop.store.redirects = way == "redirect"
    bucket.client.delete_object(Bucket=bucket.name, Key=key_of(held))
    answer = await browser.get(url_of(held))
    body = answer.body if way == "stream" else fetch(answer.headers["location"])[2]
    assert body == held.body
    assert bucket.objects() == {key_of(held): held.body}


async def test_rot_in_the_bucket_is_found_and_repaired_and_what_is_private_is_set_aside(
    shop, bucket, uploaded, mirrored, tmp_path
):
    own, held = await uploaded(wheel("acme", "1.0")), await mirrored()
    for one in (own, held):
        rotten = bytearray(one.body)
        rotten[40] ^= 1
        bucket.client.put_object(Bucket=bucket.name, Key=key_of(one), Body=bytes(rotten))

    with checkpoint(tmp_path / "verify.json", again=False) as state:
        report = await verify(shop, state, repair=True, pace=Pace(None), tell=lambda _: None)

    assert {finding.outcome for finding in report.findings} == {"repaired", "quarantined"}
    objects = bucket.objects()
    assert objects[key_of(held)] == held.body
    assert key_of(own) not in objects
    [aside] = [key for key in objects if key.startswith("localshop/quarantine/")]
    assert len(objects[aside]) == len(own.body)


async def test_what_is_in_no_table_is_swept_and_what_is_not_ours_is_not(shop, bucket, uploaded, monkeypatch):
    own, gone = await uploaded(wheel("acme", "1.0")), wheel("gone", "1.0")
    for key in (key_of(gone), "localshop/notes.txt", "elsewhere/" + key_of(gone)):
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=gone.body)
    monkeypatch.setattr(sweeping, "GRACE", -60.0)
    swept = await in_thread(sweep, shop, limit=None)
    assert (swept.orphans, swept.freed) == (1, len(gone.body))
    assert set(bucket.objects()) == {key_of(own), "localshop/notes.txt", "elsewhere/" + key_of(gone)}


async def test_mirrored_files_make_room_in_the_bucket(shop, bucket, uploaded, mirrored):
    own, _ = await uploaded(wheel("acme", "1.0")), await mirrored()
    swept = await in_thread(sweep, shop, limit=1)
    assert swept.evicted == 1
    assert set(bucket.objects()) == {key_of(own)}


# Sent from the bucket.


async def test_a_client_is_sent_to_the_bucket_with_a_link_that_ends(browser, uploaded, redirecting):
    """The link opens this file for a few minutes, for whoever has it: nobody may keep it."""
    own = await uploaded(wheel("acme", "1.0"))

    answer = await browser.get(url_of(own))

    assert (answer.status, answer.headers["cache-control"], answer.body) == (302, "no-store", b"")
    assert "X-Amz-Expires=600" in answer.headers["location"]
    status, headers, body = fetch(answer.headers["location"])
    assert (status, body) == (200, own.body)
    assert headers["Content-Disposition"] == "attachment"
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Encoding"] is None
    assert headers["Cache-Control"].startswith("private")
    status, _, body = fetch(answer.headers["location"], Range="bytes=10-19")
    assert (status, body) == (206, own.body[10:20])


async def test_signing_is_done_once_for_many_clients(browser, bucket, uploaded, redirecting):
    own = await uploaded(wheel("acme", "1.0"))
    bucket.store.seen.clear()
    links = {(await browser.get(url_of(own))).headers["location"] for _ in range(5)}
    assert len(links) == 1
    assert [asked.method for asked in bucket.store.seen] == ["HEAD"], "that the file is there is seen once"


async def test_no_page_has_a_link_and_metadata_comes_from_here(browser, uploaded, redirecting):
    """Lock files keep the addresses of pages for ever."""
    own = await uploaded(wheel("acme", "1.0"))
    assert (await browser.get(url_of(own))).status == 302
    for headers in (JSON, {"Accept": "text/html"}):
        page = await browser.get("/repo/default/acme/", headers=headers)
        assert "X-Amz" not in page.text
        assert url_of(own) in page.text
    answer = await browser.get(f"{url_of(own)}.metadata")
    assert (answer.status, answer.body) == (200, own.metadata)


async def test_a_head_and_a_client_that_has_the_file_are_answered_from_here(browser, uploaded, redirecting):
    """A link is signed for GET alone."""
    own = await uploaded(wheel("acme", "1.0"))
    head = await browser.head(url_of(own))
    assert (head.status, head.headers["content-length"]) == (200, str(len(own.body)))
    known = await browser.get(url_of(own), headers={"If-None-Match": head.headers["etag"]})
    assert known.status == 304


async def test_who_may_not_read_gets_no_link(browser, uploaded, redirecting):
    own = await uploaded(wheel("acme", "1.0"))
    answer = await browser.get(url_of(own), peer="203.0.113.9")
    assert answer.status == 401
    assert "location" not in answer.headers


async def test_a_file_that_was_deleted_is_linked_to_no_more(browser, shop, uploaded, redirecting):
    own = await uploaded(wheel("acme", "1.0"))
    await browser.get(url_of(own))
    name = shop.store.name_for(own.sha256)
    assert shop.store.link(name)
    await in_thread(shop.store.delete, name)
    assert shop.store.link(name) is None
    assert (await browser.get(url_of(own))).status == 503, "only an upload brings it back"
