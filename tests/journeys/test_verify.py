"""Bytes that rot, vanish or are left over: found, brought back where that can be, and never lost by us."""

from __future__ import annotations

import asyncio
import json

import pytest

from distributions import wheel
from fake_upstream import flipped
from localshop.catalog import queue, repositories
from localshop.catalog.models import Blob, File
from localshop.errors import BadInput, StorageError
from localshop.mirror.checkpoint import checkpoint
from localshop.mirror.verify import Pace, verify
from localshop.storage.stores import QUARANTINE
from stored_files import cut, flip, make_private, path_of, put, take_away
from threads import in_thread

DAMAGES = [flip, cut, take_away]


@pytest.fixture
async def shop(browser):
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})
    return browser.application._shop


@pytest.fixture
def check(shop, tmp_path):
    """Verify everything; gives the report."""

    async def run(
        *, repair=False, again=False, rate=None, tell=lambda _: None, path=tmp_path / "verify.json"
    ):
        with checkpoint(path, again=again) as state:
            return await verify(shop, state, repair=repair, pace=Pace(rate), tell=tell)

    return run


@pytest.fixture
def mirrored(browser, upstream):
    """A file that is stored here, and at its upstream."""

    async def make(name="demo", **kwargs):
        held = upstream.add(wheel(name, "1.0", **kwargs))
        answer = await browser.get(url_of(held.distribution))
        assert answer.body == held.body
        upstream.forget()
        return held

    return make


@pytest.fixture
def private(shop):
    async def make(name="secret", **kwargs):
        distribution = wheel(name, "1.0", **kwargs)
        await in_thread(make_private, shop, distribution)
        return distribution

    return make


def url_of(distribution):
    return f"/repo/default/{distribution.path}"


def outcomes(report):
    return {(finding.what, finding.outcome) for finding in report.findings}


async def test_when_all_is_right_nothing_is_found(check, mirrored, private):
    held = await mirrored()
    own = await private()
    seen = []

    report = await check(repair=True, tell=seen.append)

    assert (report.well, report.findings, report.orphans) == (True, (), ())
    assert (report.checked, report.size) == (2, len(held.body) + len(own.body))
    assert [(one.checked, one.of) for one in seen] == [(1, 2), (2, 2)]
    assert seen[-1].size == seen[-1].of_size == report.size


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_look_finds_damage_and_changes_nothing(check, shop, mirrored, private, damage):
    """Who only wants to know keeps all that is left of his files."""
    held, own, good = await mirrored(), await private(), await mirrored("good")
    for distribution in (held.distribution, own):
        damage(path_of(shop, distribution))
    before = await in_thread(lambda: list(Blob.objects.values()))

    report = await check()

    assert not report.well
    assert {(one.sha256, one.outcome) for one in report.findings} == {
        (held.distribution.sha256, "found"),
        (own.sha256, "found"),
    }
    assert {one.files for one in report.findings} == {
        (f"default: {held.filename}",),
        (f"default: {own.filename}",),
    }
    assert {one.what for one in report.findings} == {"missing" if damage is take_away else "damaged"}
    assert await in_thread(lambda: list(Blob.objects.values())) == before
    assert path_of(shop, good.distribution).read_bytes() == good.body


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_mirrored_file_is_fetched_again(browser, check, shop, mirrored, upstream, damage):
    """Rot costs a download, and no build."""
    await mirrored("good")
    held = await mirrored()
    damage(path_of(shop, held.distribution))

    report = await check(repair=True)

    assert report.well
    assert [one.outcome for one in report.findings] == ["repaired"]
    assert upstream.count("/packages/*whl") == 1
    upstream.stop()
    assert (await browser.get(url_of(held.distribution))).body == held.body
    assert (await check()).findings == ()


@pytest.mark.parametrize("damage", [flip, cut])
async def test_a_damaged_private_file_is_moved_aside_and_never_served(browser, check, shop, private, damage):
    """It is nowhere else, so what is left of it is kept for somebody to save."""
    own = await private()
    path = path_of(shop, own)
    damage(path)
    rotten = path.read_bytes()

    report = await check(repair=True)

    assert not report.well
    assert outcomes(report) == {("damaged", "quarantined")}
    [kept] = (shop.store.scratch.parent / QUARANTINE).glob(f"{own.sha256}*")
    assert kept.read_bytes() == rotten
    assert str(kept) in report.findings[0].sentence
    answer = await browser.get(url_of(own))
    assert (answer.status, answer.headers["x-localshop-refusal"]) == (503, "storage-error")
    # It is not forgotten: each further check says that it is gone, until it is back.
    assert outcomes(await check(repair=True)) == {("missing", "not-repaired")}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_private_file_comes_back_from_a_backup(browser, check, shop, private, damage):
    """Whoever puts the file back into its place has it served again."""
    await private("good")
    own = await private()
    damage(path_of(shop, own))
    await check(repair=True)
    path_of(shop, own).write_bytes(own.body)

    report = await check(repair=True)

    assert report.well
    assert (await browser.get(url_of(own))).body == own.body
    assert (await check()).findings == ()


async def test_a_wrong_backup_is_not_believed(browser, check, shop, private):
    own = await private()
    flip(path_of(shop, own))
    await check(repair=True)
    path_of(shop, own).write_bytes(b"something else")

    assert outcomes(await check(repair=True)) == {("missing", "not-repaired")}
    assert (await browser.get(url_of(own))).status == 503


async def test_a_private_file_that_is_mirrored_elsewhere_is_brought_back(check, shop, mirrored, browser):
    """The same bytes are fetched for all who have them."""
    held = await mirrored()
    await in_thread(_second_holder, shop, held.distribution)
    flip(path_of(shop, held.distribution))

    report = await check(repair=True)

    assert (report.well, len(report.findings[0].files)) == (True, 2)
    assert await in_thread(File.objects.filter(blob=None).count) == 0


def _second_holder(shop, distribution):
    repositories.create_repository("second", upstreams=[], networks=(), changes={})
    blob = Blob.objects.get(sha256=distribution.sha256)
    Blob.objects.filter(id=blob.id).update(sha256="0" * 64)
    row = make_private(shop, distribution, slug="second")
    File.objects.filter(id=row.id).update(blob=blob)
    Blob.objects.filter(sha256=distribution.sha256).delete()
    Blob.objects.filter(id=blob.id).update(sha256=distribution.sha256)


@pytest.mark.parametrize(
    "fault",
    [{"status": 503}, {"status": 404}, {"change": flipped}, {"cut": 100}],
    ids=lambda one: next(iter(one)),
)
async def test_what_cannot_be_fetched_again_is_not_served(browser, check, shop, mirrored, upstream, fault):
    """Bytes that are known to be wrong are worse than none; the file comes back when its upstream does."""
    held = await mirrored()
    flip(path_of(shop, held.distribution))
    upstream.fault("/packages/*whl", **fault)

    report = await check(repair=True)

    assert outcomes(report) == {("damaged", "not-repaired")}
    assert not path_of(shop, held.distribution).exists()
    assert (await browser.get(url_of(held.distribution))).status == 503
    upstream.heal()
    assert [job.name for job in await in_thread(queue.every_job)] == ["mirror-file"]
    assert (await browser.get(url_of(held.distribution))).body == held.body


async def test_only_the_bytes_that_were_seen_first_come_back(browser, check, shop, mirrored, upstream):
    """An upstream that has swapped the file meanwhile does not get its bytes in by way of a repair."""
    held = await mirrored()
    flip(path_of(shop, held.distribution))
    upstream.add(wheel("demo", "1.0", size=500))

    report = await check(repair=True)
    page = await browser.get("/repo/default/demo/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    other = await browser.get(page.json()["files"][-1]["url"])

    assert outcomes(report) == {("damaged", "not-repaired")}
    row = await in_thread(lambda: File.objects.get(filename=held.filename))
    assert (row.sha256, row.pinned, row.blob) == (held.distribution.sha256, True, None)
    assert other.status in {403, 503}


async def test_offline_nothing_is_asked(check, shop, mirrored, upstream, set_config):
    held = await mirrored()
    flip(path_of(shop, held.distribution))
    set_config(offline=True)

    report = await check(repair=True)

    assert outcomes(report) == {("damaged", "not-repaired")}
    assert "offline" in report.findings[0].sentence
    assert upstream.count() == 0


async def test_files_in_no_table_are_named_and_left(check, shop, mirrored):
    """Only a sweep removes them; those that may be on their way to a table are not among them."""
    await mirrored()
    name = await in_thread(put, shop, b"left by a crash", known=False)
    fresh = await in_thread(put, shop, b"just come", known=False)
    shop.store.local_path(fresh).touch()
    (shop.store.scratch / "arriving.part").write_bytes(b"part")

    report = await check(repair=True)

    assert (report.well, report.orphans) == (True, (name,))
    assert shop.store.local_path(name).exists()


async def test_an_empty_disk_is_not_taken_for_lost_files(check, shop, mirrored):
    """A disk that is not mounted must not make localshop forget everything."""
    held = await mirrored()
    path_of(shop, held.distribution).unlink()

    with pytest.raises(StorageError, match="mounted"):
        await check(repair=True)
    assert await in_thread(Blob.objects.count) == 1
    assert outcomes(await check()) == {("missing", "found")}


async def test_a_check_that_was_cut_goes_on_where_it_was(check, shop, mirrored, tmp_path):
    """Reading terabytes takes days, and machines are restarted."""
    first, second, third = [await mirrored(name) for name in ("one", "two", "three")]
    flip(path_of(shop, first.distribution))
    seen = []

    def cut_after_two(progress):
        seen.append(progress.checked)
        if len(seen) == 2:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await check(tell=cut_after_two)
    saved = (tmp_path / "verify.json").read_text()
    flip(path_of(shop, second.distribution))
    report = await check(repair=True, tell=lambda progress: seen.append(progress.checked))

    assert seen == [1, 2, 3]
    assert json.loads(saved.splitlines()[0])["checked"] == 2
    assert (report.checked, report.size) == (3, sum(len(held.body) for held in (first, second, third)))
    # The first was found before, and is repaired now; the second rotted behind us.
    assert [(one.sha256, one.outcome) for one in report.findings] == [(first.distribution.sha256, "repaired")]
    assert not (tmp_path / "verify.json").exists()
    assert [one.sha256 for one in (await check()).findings] == [second.distribution.sha256]


@pytest.mark.parametrize("left", ["", "{", "[]\n", '{"after": "x"}\n', '{"findings": [{}]}\n'])
async def test_a_spoilt_checkpoint_starts_over(check, mirrored, tmp_path, left):
    await mirrored()
    (tmp_path / "verify.json").write_text(left)

    assert (await check()).checked == 1


async def test_again_starts_over(check, mirrored, tmp_path):
    await mirrored()
    state = {"after": 9_999, "until": 9_999, "checked": 7, "size": 7, "findings": []}
    (tmp_path / "verify.json").write_text(json.dumps(state) + "\n")

    assert (await check(again=True)).checked == 1


def test_two_checks_at_once_are_one_too_many(tmp_path):
    with (
        checkpoint(tmp_path / "verify.json", again=False),
        pytest.raises(BadInput, match="Another"),
        checkpoint(tmp_path / "verify.json", again=True),
    ):
        pass


async def test_the_rate_is_kept(monkeypatch):
    """Checking must not take the disk from those who install."""
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    pace = Pace(1_000_000)
    for _ in range(3):
        await pace.took(1_000_000)
    await Pace(None).took(1 << 40)

    assert [round(seconds) for seconds in slept] == [1, 2, 3]
