"""Making room: what nobody needs goes, mirrored files go and come back, private ones never go."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

import pytest

from distributions import wheel
from localshop.catalog import blobs, repositories
from localshop.catalog.models import Blob, File, Project
from localshop.jobs.registry import PERIODIC, jobs
from localshop.jobs.sweep import SWEEP
from localshop.mirror.file import write_uses
from localshop.mirror.sweep import sweep
from stored_files import OLD, make_private, path_of, put
from threads import in_thread

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


@pytest.fixture
async def shop(browser):
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})
    return browser.application._shop


@pytest.fixture
def swept(shop):
    async def run(limit=None, **options):
        return await in_thread(sweep, shop, limit=limit, **options)

    return run


@pytest.fixture
def mirrored(browser, upstream):
    async def make(name, size=10_000):
        held = upstream.add(wheel(name, "1.0", size=size))
        assert (await browser.get(url_of(held))).body == held.body
        return held

    return make


def url_of(held):
    return f"/repo/default/{held.distribution.path}"


def here(shop, *held):
    return [path_of(shop, one.distribution).exists() for one in held]


async def use(browser, clock, *held):
    """Have files used, each an hour after the one before it."""
    for one in held:
        clock.forward(3600)
        assert (await browser.get(url_of(one))).status == 200
        await write_uses(browser.application._shop)


async def test_the_longest_unused_goes_first_until_the_rest_fits(browser, clock, shop, swept, mirrored):
    a, b, c = [await mirrored(name) for name in "abc"]
    await use(browser, clock, b, c, a)

    result = await swept(len(a.body) + len(c.body))

    assert here(shop, a, b, c) == [True, False, True]
    assert (result.evicted, result.freed) == (1, len(b.body))
    assert result.mirrored == len(a.body) + len(c.body)
    assert (await swept(result.mirrored)).evicted == 0


async def test_what_went_comes_back_as_the_same_bytes(browser, shop, swept, mirrored, upstream):
    """Nobody who installs notices more than a download."""
    held = await mirrored("demo")
    before = (await browser.get("/repo/default/demo/", headers=JSON)).json()
    await swept(1)
    upstream.forget()

    page = (await browser.get("/repo/default/demo/", headers=JSON)).json()
    metadata = await browser.get(f"{url_of(held)}.metadata")
    assert (page, metadata.body) == (before, held.distribution.metadata)
    assert upstream.count("/packages/*") == 0
    assert (await browser.get(url_of(held))).body == held.body
    assert here(shop, held) == [True]


async def test_other_bytes_do_not_come_back_under_the_same_name(browser, clock, swept, mirrored, upstream):
    """An upstream that was taken over cannot wait until a file makes room."""
    held = await mirrored("demo")
    await swept(1)
    row = await in_thread(lambda: File.objects.get(filename=held.filename))
    assert (row.sha256, row.pinned) == (held.distribution.sha256, True)
    other = upstream.add(wheel("demo", "1.0", size=20_000))
    clock.forward(1000)

    for _ in range(2):
        answer = await browser.get(url_of(other))
        assert (answer.status, answer.headers["x-localshop-refusal"]) == (403, "digest-changed")
    assert await in_thread(Blob.objects.count) == 0


async def test_private_files_never_go(shop, swept, mirrored):
    """There is nowhere that they could come back from."""
    held = await mirrored("demo")
    own = wheel("secret", "1.0", size=50_000)
    await in_thread(make_private, shop, own)

    result = await swept(1)

    assert (here(shop, held), result.mirrored) == ([False], 0)
    assert path_of(shop, own).read_bytes() == own.body


@pytest.mark.parametrize("why", ["shared", "upstream gone", "refuse", "offline"])
async def test_what_could_not_come_back_does_not_go(shop, swept, mirrored, set_config, why):
    held = await mirrored("demo")
    if why == "offline":
        set_config(offline=True)
    elif why == "upstream gone":
        await in_thread(repositories.edit_repository, "default", upstreams=[], changes={})
    elif why == "refuse":
        await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "refuse"})
    else:
        await in_thread(_share, held.distribution)

    result = await swept(1)

    assert (here(shop, held), result.evicted, result.freed) == ([True], 0, 0)


def _share(distribution):
    """Some private file has these very bytes, too."""
    mine = File.objects.get(filename=distribution.filename)
    project = Project.objects.create(repository_id=mine.repository_id, name="secret", kind="private")
    File.objects.create(
        repository_id=mine.repository_id,
        project=project,
        filename="secret-1.0-py3-none-any.whl",
        path="aa/bb/cccc",
        sha256=mine.sha256,
        entry=mine.entry,
        blob=mine.blob,
    )


async def test_who_reads_a_file_that_goes_reads_it_to_its_end(browser, shop, swept, mirrored):
    """On POSIX the bytes stay as long as somebody has them open, as a download does."""
    held = await mirrored("demo", size=3_000_000)
    sent = []

    async def send(message):
        sent.append(message)
        if len(sent) == 2:
            await swept(1)
            assert here(shop, held) == [False]

    scope = {
        "type": "http", "method": "GET", "path": url_of(held), "raw_path": url_of(held).encode(),
        "query_string": b"", "headers": [], "client": ("127.0.0.1", 1),
    }  # fmt: skip
    await browser.application(scope, asyncio.Event().wait, send)

    assert len(sent) > 3
    assert b"".join(bytes(message["body"]) for message in sent[1:]) == held.body


async def test_what_is_left_over_goes_when_it_is_old_enough(shop, swept, mirrored):
    """A crash costs room for an hour, and what is on its way is left alone."""
    held = await mirrored("demo")
    orphan = await in_thread(put, shop, b"left by a crash", known=False)
    fresh = await in_thread(put, shop, b"just come", known=False)
    shop.store.local_path(fresh).touch()
    deleted = await in_thread(put, shop, b"of a project that was deleted")
    await in_thread(_age, deleted)
    new = await in_thread(put, shop, b"of no project yet")
    for name, age in {"old.part": OLD, "new.part": 5}.items():
        (shop.store.scratch / name).write_bytes(b"part")
        then = shop.now() - age
        os.utime(shop.store.scratch / name, (then, then))

    tried = await swept(dry_run=True)
    assert shop.store.local_path(orphan).exists()
    result = await swept()

    assert tried == result
    assert (result.orphans, result.unreferenced, result.parts, result.evicted) == (1, 1, 1, 0)
    assert result.freed == len(b"left by a crashof a project that was deletedpart")
    gone = [shop.store.local_path(name).exists() for name in (orphan, fresh, deleted.name, new.name)]
    assert gone == [False, True, False, True]
    assert (shop.store.scratch / "new.part").exists()
    assert here(shop, held) == [True]
    assert await in_thread(lambda: {row.sha256 for row in Blob.objects.all()}) == {
        held.distribution.sha256,
        new.sha256,
    }


def _age(blob):
    Blob.objects.filter(id=blob.id).update(created=blob.created - timedelta(seconds=OLD))


async def test_a_dry_run_removes_nothing(shop, swept, mirrored):
    held = await mirrored("demo")

    result = await swept(1, dry_run=True)

    assert (result.evicted, result.freed, here(shop, held)) == (1, len(held.body), [True])


async def test_bytes_that_were_registered_meanwhile_stay(shop, mirrored):
    """Between the look and the removal somebody may have come to need them."""
    held = await mirrored("demo")
    row = await in_thread(Blob.objects.get)

    def not_now(name):
        raise AssertionError(name)

    assert not await in_thread(blobs.remove_unreferenced, row.id, remove=not_now)
    assert not await in_thread(blobs.remove_orphan, row.name, sha256=row.sha256, remove=not_now)
    await in_thread(_share, held.distribution)
    assert not await in_thread(blobs.evict, row.id, remove=not_now)
    assert not await in_thread(blobs.evict, row.id + 1, remove=not_now)


async def test_when_the_bytes_cannot_be_removed_they_stay_known(shop, mirrored):
    """Else they would be served by nobody and take room for ever."""
    await mirrored("demo")
    row = await in_thread(Blob.objects.get)

    def broken(_name):
        raise OSError

    with pytest.raises(OSError):
        await in_thread(blobs.evict, row.id, remove=broken)
    assert await in_thread(lambda: File.objects.get().blob_id) == row.id


async def test_uses_are_written_in_batches_and_not_each(browser, shop, clock, mirrored):
    """A commit for each download would make every download wait for the disk."""
    held = await mirrored("demo")
    clock.forward(30)
    first = await in_thread(lambda: Blob.objects.get().last_used)
    for _ in range(3):
        await browser.get(url_of(held))
    assert shop.used == {held.distribution.sha256}
    await write_uses(shop)
    assert (shop.used, await in_thread(lambda: Blob.objects.get().last_used)) == (set(), first)

    clock.forward(1000)
    await browser.get(url_of(held), headers={"If-None-Match": f'"{held.distribution.sha256}"'})
    await write_uses(shop)
    assert await in_thread(lambda: Blob.objects.get().last_used) > first + 1000


async def test_the_hourly_job_keeps_the_limit_and_removes_no_leftovers(shop, mirrored, set_config):
    """Bytes of deleted private packages stay until somebody removes them by hand."""
    held = await mirrored("demo")
    orphan = await in_thread(put, shop, b"of something that was deleted", known=False)
    job = jobs(offline=False)[SWEEP]
    assert PERIODIC[SWEEP] == 3600

    await job(shop, {})
    assert here(shop, held) == [True]
    set_config(mirror_size=1)
    await job(shop, {})
    assert here(shop, held) == [False]
    assert shop.store.local_path(orphan).exists()
    set_config(mirror_size=1, delete_files=True)
    await job(shop, {})
    assert not shop.store.local_path(orphan).exists()
