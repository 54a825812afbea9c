"""Files: redirected, streamed or refused while they are not here; served, whole and right, once they are."""

from __future__ import annotations

import asyncio

import pytest

from distributions import sdist, wheel
from fake_upstream import flipped, longer, shorter
from localshop.catalog import queue, repositories
from localshop.catalog.models import Blob, File, Job, Project
from localshop.jobs.registry import jobs
from threads import in_thread

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


@pytest.fixture
def miss(repository):
    async def change(mode):
        await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": mode})

    return change


def url_of(held):
    return f"/repo/default/{held.distribution.path}"


JOBS = jobs(offline=False)


async def run_jobs(browser):
    """Do what the job process would do."""
    shop = browser.application._shop
    while (claim := await shop.run(queue.claim, "test", now=shop.now(), names=list(JOBS))) is not None:
        await JOBS[claim.name](shop, claim.payload)
        await shop.run(queue.done, claim, now=shop.now())


async def test_a_file_that_is_not_here_is_redirected_to_and_fetched_behind(browser, upstream):
    """The first who asks waits for nobody; the next is served from here, also without the upstream."""
    held = upstream.add(wheel("demo", "1.0", size=2_000_000))

    first = await browser.get(url_of(held))
    await run_jobs(browser)
    upstream.stop()
    again = await browser.get(url_of(held))

    assert first.status == 302
    assert first.headers["location"] == upstream.file_url(held)
    assert first.headers["cache-control"] == "no-store"
    assert (again.status, again.body) == (200, held.body)
    assert again.headers["etag"] == f'"{held.distribution.sha256}"'


async def test_however_often_a_file_is_asked_for_there_is_one_job(browser, upstream):
    """A hundred builds do not fetch the same file a hundred times."""
    held = upstream.add(wheel("demo", "1.0"))

    answers = await asyncio.gather(*[browser.get(url_of(held)) for _ in range(20)])

    assert {answer.status for answer in answers} == {302}
    assert await in_thread(Job.objects.count) == 1
    await run_jobs(browser)
    assert upstream.count("/packages/*") == 1
    assert await in_thread(Job.objects.count) == 0


async def test_a_page_view_mirrors_nothing_a_file_request_does(browser, upstream):
    """A project is decided to be a mirrored one by what is used, not by what is looked at."""
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/")
    assert await in_thread(lambda: Project.objects.get(name="demo").kind) == ""

    await browser.get(url_of(held))

    assert await in_thread(lambda: Project.objects.get(name="demo").kind) == "mirrored"
    assert await in_thread(File.objects.count) == 1


@pytest.mark.parametrize("size", [1_000, 3_000_000])
async def test_stream_mode_sends_and_stores_at_once(browser, upstream, miss, size):
    """The first client gets verified bytes, and pays the upstream's time only once for all."""
    await miss("stream")
    held = upstream.add(wheel("demo", "1.0", size=size))

    answers = await asyncio.gather(*[browser.get(url_of(held)) for _ in range(20)])

    assert {(answer.status, answer.body == held.body) for answer in answers} == {(200, True)}
    assert upstream.count("/packages/*whl") == 1
    upstream.stop()
    assert (await browser.get(url_of(held))).body == held.body


async def test_stream_mode_answers_ranges_of_a_file_on_its_way(browser, upstream, miss):
    """A client that resumes need not wait for the whole file."""
    await miss("stream")
    held = upstream.add(wheel("demo", "1.0", size=3_000_000))

    part = await browser.get(url_of(held), headers={"Range": "bytes=1000-1999"})
    tail = await browser.get(url_of(held), headers={"Range": "bytes=-500"})

    assert (part.status, part.body) == (206, held.body[1000:2000])
    assert (tail.status, tail.body) == (206, held.body[-500:])


@pytest.mark.parametrize("html_only", [False, True])
@pytest.mark.parametrize("change", [flipped, longer, shorter])
@pytest.mark.parametrize("size", [1_000, 3_000_000])
async def test_wrong_bytes_are_never_a_whole_answer_and_never_kept(
    browser, upstream, miss, change, size, html_only
):
    """A corrupt or swapped file must not reach anybody as if it were right."""
    await miss("stream")
    upstream.html_only = html_only
    held = upstream.add(wheel("demo", "1.0", size=size))
    upstream.fault("/packages/*whl", change=change)

    answer = await browser.get(url_of(held))

    whole = answer.status == 200 and len(answer.body) == int(answer.headers["content-length"])
    assert not whole
    assert held.body[-64:] not in answer.body
    assert await in_thread(Blob.objects.count) == 0
    upstream.heal()
    assert (await browser.get(url_of(held))).body == held.body


async def test_a_part_of_wrong_bytes_is_never_a_whole_answer_either(browser, upstream, miss):
    """Who reads a file in parts has no digest for a part: what is whole has to be right."""
    await miss("stream")
    held = upstream.add(wheel("demo", "1.0", size=3_000_000))
    upstream.fault("/packages/*whl", change=flipped)

    answer = await browser.get(url_of(held), headers={"Range": "bytes=1000000-1999999"})

    assert answer.status == 206
    assert 0 < len(answer.body) < int(answer.headers["content-length"]) == 1_000_000


async def test_who_would_have_to_wait_for_long_is_told_to_come_again(browser, upstream, miss, monkeypatch):
    """The end of a large file is sent when all of it was verified; clients hang up after 15 seconds."""
    from localshop.mirror import patience

    await miss("stream")
    held = upstream.add(wheel("demo", "1.0", size=3_000_000))
    monkeypatch.setattr(patience, "FIRST_BYTE", 0.5)
    upstream.fault("/packages/*whl", drip=1_000_000)

    tail = await browser.get(url_of(held), headers={"Range": "bytes=-500"})

    assert (tail.status, tail.headers["retry-after"]) == (503, "5")
    upstream.heal()
    assert (await browser.get(url_of(held))).body == held.body


async def test_a_broken_download_goes_on_where_it_broke(browser, upstream, miss):
    """A line that drops costs the rest of the file, not the whole file again."""
    await miss("stream")
    held = upstream.add(wheel("demo", "1.0", size=3_000_000))
    upstream.fault("/packages/*whl", cut=1_000_000, times=1)

    answer = await browser.get(url_of(held))

    assert answer.body == held.body
    assert upstream.seen("/packages/*whl")[-1].headers["Range"].startswith("bytes=")


async def test_a_download_that_breaks_for_good_is_cut_and_gone_on_with_by_the_next(browser, upstream, miss):
    """Whoever had its beginning sees that it is short; the next one pays for the rest alone."""
    await miss("stream")
    held = upstream.add(wheel("demo", "1.0", size=3_000_000))
    upstream.fault("/packages/*whl", status=500)
    upstream.fault("/packages/*whl", cut=1_000_000, times=1)

    answer = await browser.get(url_of(held))
    upstream.heal()

    assert (answer.status, answer.body) == (200, held.body[: len(answer.body)])
    assert len(answer.body) < len(held.body)
    upstream.forget()
    assert (await browser.get(url_of(held))).body == held.body
    assert upstream.seen("/packages/*whl")[-1].headers["Range"].startswith("bytes=")


async def test_refuse_mode_fetches_nothing(browser, upstream, miss):
    await miss("refuse")
    held = upstream.add(wheel("demo", "1.0"))

    page = await browser.get("/repo/default/demo/", headers=JSON)
    file = await browser.get(url_of(held))

    assert page.status == 200
    assert (file.status, file.text.split(":")[0]) == (403, "not-mirrored")
    assert upstream.count("/packages/*") == 0


@pytest.mark.parametrize("make", [wheel, sdist])
async def test_a_file_url_works_with_no_page_visited_before(browser, upstream, make):
    """Lock files hold file URLs alone, and they are used on new servers too."""
    held = upstream.add(make("some-long-demo.name", "1.0"))

    assert (await browser.get(url_of(held))).status == 302


async def test_a_file_newer_than_the_known_page_is_found(browser, upstream, clock):
    """Somebody else's lock file may name a release that our page does not show yet."""
    upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/")
    held = upstream.add(wheel("demo", "2.0"))
    clock.forward(15)

    assert (await browser.get(url_of(held))).status == 302


async def test_files_that_nobody_has_are_not_found(browser, upstream):
    held = upstream.add(wheel("demo", "1.0"))
    other = wheel("demo", "1.0", size=500)
    upstream.add(sdist("quite-another", "1.0"))

    for path in (other.path, other.path + ".metadata", "packages/aa/bb/cccc/nothing-1.0.tar.gz"):
        answer = await browser.get(f"/repo/default/{path}")
        assert (answer.status, answer.headers["cache-control"]) == (404, "no-cache")
    assert (await browser.get(url_of(held))).status == 302


async def test_bytes_that_vanish_from_the_disk_are_fetched_again(browser, upstream, miss):
    """Somebody who tidies up the disk does not break every build."""
    await miss("stream")
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get(url_of(held))
    shop = browser.application._shop
    blob = await in_thread(Blob.objects.get)
    shop.store.local_path(blob.name).unlink()

    assert (await browser.get(url_of(held))).body == held.body
    shop.store.local_path((await in_thread(Blob.objects.get)).name).write_bytes(b"cut")
    assert (await browser.get(url_of(held))).body == held.body


async def test_an_upstream_with_credentials_is_never_redirected_to(browser, upstream):
    """A client has not our credentials, and must not be given them."""
    upstream.auth = ("us", "secret")
    url = upstream.url.replace("http://", "http://us:secret@")
    await in_thread(repositories.edit_repository, "default", upstreams=[url], changes={})
    held = upstream.add(wheel("demo", "1.0"))

    page = await browser.get("/repo/default/demo/", headers=JSON)
    file = await browser.get(url_of(held))

    assert (file.status, file.body) == (200, held.body)
    assert "secret" not in page.text


async def test_nothing_of_a_clients_request_goes_upstream(browser, upstream, miss):
    """Our users' credentials and addresses are not the upstream's business."""
    await miss("stream")
    held = upstream.add(wheel("demo", "1.0"), metadata="absent")
    headers = {"Cookie": "marker", "X-Marker": "marker", "User-Agent": "marker", "Referer": "marker"}
    auth = ("marker", "marker")

    for path in ("demo/", f"{held.distribution.path}.metadata", held.distribution.path):
        await browser.get(f"/repo/default/{path}?marker=1", headers=headers, auth=auth)

    assert upstream.count() > 2
    for seen in upstream.seen():
        assert "marker" not in f"{seen.path}{dict(seen.headers)}"


async def test_the_same_bytes_in_two_repositories_are_kept_once(browser, upstream, miss):
    from localshop.catalog import networks

    await miss("stream")
    await in_thread(
        repositories.create_repository,
        "second",
        upstreams=[upstream.url],
        networks=networks.FIRST_NETWORKS,
        changes={"miss": "stream"},
    )
    held = upstream.add(wheel("demo", "1.0"))

    for slug in ("default", "second"):
        assert (await browser.get(f"/repo/{slug}/{held.distribution.path}")).body == held.body

    assert await in_thread(Blob.objects.count) == 1
    assert upstream.count("/packages/*whl") == 1


async def test_a_file_of_one_repository_is_not_served_by_another(browser, upstream, miss):
    """Whoever may read one repository must not read all of them through file URLs."""
    from localshop.catalog import networks

    await miss("stream")
    await in_thread(
        repositories.create_repository, "second", upstreams=[], networks=networks.FIRST_NETWORKS, changes={}
    )
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get(url_of(held))

    for suffix in ("", ".metadata"):
        assert (await browser.get(f"/repo/second/{held.distribution.path}{suffix}")).status == 404


async def test_a_file_without_any_digest_upstream_is_taken_on_first_sight(browser, upstream, miss):
    """Some upstreams announce no digests; what came first is what stays."""
    await miss("stream")
    upstream.html_only = True
    upstream.hashes = False
    held = upstream.add(wheel("demo", "1.0"))
    [file] = (await browser.get("/repo/default/demo/", headers=JSON)).json()["files"]
    assert file["hashes"] == {}

    answer = await browser.get(file["url"])
    [known] = (await browser.get("/repo/default/demo/", headers=JSON)).json()["files"]

    assert answer.body == held.body
    assert known["hashes"] == {"sha256": held.distribution.sha256}


async def test_a_file_that_came_while_an_older_page_was_under_way_is_found(browser, upstream, clock):
    """The page that somebody else waits for was asked for before the file was there."""
    upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/")
    clock.forward(700)
    upstream.add(wheel("demo", "1.1"))
    upstream.fault("/simple/demo/", drip=500, times=1)
    upstream.forget()
    await browser.get("/repo/default/demo/")
    while not upstream.count("/simple/demo/"):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    held = upstream.add(wheel("demo", "2.0"))

    assert (await browser.get(url_of(held))).status == 302


async def test_all_who_ask_at_once_for_a_new_file_get_it(browser, upstream, clock):
    """Two builds of one lock file begin together, and to neither may it be said to be missing."""
    upstream.add(wheel("demo", "1.0"))
    await browser.get("/repo/default/demo/")
    held = upstream.add(wheel("demo", "2.0"))
    clock.forward(15)
    upstream.fault("/simple/demo/", delay=0.3)
    answers = await asyncio.gather(*[browser.get(url_of(held)) for _ in range(10)])

    assert {answer.status for answer in answers} == {302}
    assert upstream.count("/simple/demo/") <= 3
