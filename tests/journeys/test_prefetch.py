"""What is prefetched: the right files, each fetched once, and everything named that cannot be had."""

from __future__ import annotations

import dataclasses

import pytest
from packaging.requirements import Requirement

from distributions import sdist, wheel
from fake_upstream import FakeUpstream, flipped
from localshop import config
from localshop.catalog import policies, repositories
from localshop.catalog.journal import Actor
from localshop.catalog.models import File, Project
from localshop.errors import BadInput, StorageFull
from localshop.mirror import prefetch_plan
from localshop.mirror.prefetch import Progress, prefetch
from localshop.mirror.prefetch_records import Wishes
from localshop.policies.rules import read
from localshop.protocol.locks import Locked
from localshop.protocol.requirements import Wish
from localshop.protocol.targets import target
from localshop.shop import open_shop
from threads import in_thread

LINUX = target("3.11", "manylinux_2_17_x86_64")
MAC = target("3.12", "macosx_14_0_arm64")


class Prefetcher:
    """A process that prefetches, as a value."""

    def __init__(self, shop, slug="default"):
        self.shop = shop
        self.slug = slug
        self.progress = Progress()

    async def __call__(self, *requirements, dry_run=False, targets=(LINUX,), **more):
        wishes = Wishes(
            targets=targets,
            requirements=[one if isinstance(one, Wish) else Wish(Requirement(one)) for one in requirements],
            **more,
        )
        repository = await self.shop.run(repositories.repository, self.slug)
        result = await prefetch(self.shop, repository, wishes, dry_run=dry_run, progress=self.progress)
        self.missing = {(one.what, one.slug) for one in result.missing}
        return result

    def offline(self):
        self.shop.config = dataclasses.replace(self.shop.config, offline=True)


@pytest.fixture
async def get(repository):
    shop = open_shop(config.current())
    yield Prefetcher(shop)
    await shop.close()


async def stored():
    """The names of the files whose bytes are here."""
    rows = File.objects.exclude(blob=None).order_by("filename").values_list("filename", flat=True)
    return await in_thread(lambda: list(rows))


def locked(held, **changes):
    one = Locked(held.distribution.normalised, held.filename, held.distribution.sha256)
    return dataclasses.replace(one, **changes)


async def test_a_project_and_all_it_needs_come_home_once(get, upstream):
    """Behind an air gap a package without what it needs is worth nothing."""
    upstream.add(wheel("App", "1.0"))
    upstream.add(wheel("App", "2.0", requires=["Lib>=2", 'colour; extra == "nice"', 'win; os_name == "nt"']))
    upstream.add(wheel("Lib", "1.0"))
    upstream.add(wheel("Lib", "2.5", requires=["base", "broken ("]))
    upstream.add(wheel("base", "0.1"))
    result = await get("app")
    assert await stored() == [
        "app-2.0-py3-none-any.whl", "base-0.1-py3-none-any.whl", "lib-2.5-py3-none-any.whl",
    ]  # fmt: skip
    assert (len(result.here), len(result.fetched), result.missing) == (0, 3, [])
    assert (get.progress.fetched, get.progress.arrived) == (3, sum(blob.size for blob in result.fetched))
    assert upstream.count("/simple/colour/") == upstream.count("/simple/win/") == 0

    upstream.forget()
    result = await get("app")
    assert (len(result.here), len(result.fetched), result.missing) == (3, 0, [])
    assert upstream.count() == 0


async def test_extras_bring_what_they_need(get, upstream):
    upstream.add(wheel("app", "1.0", requires=['colour; extra == "nice"']))
    upstream.add(wheel("colour", "1.0"))
    await get("app[Nice]")
    assert await stored() == ["app-1.0-py3-none-any.whl", "colour-1.0-py3-none-any.whl"]


async def test_projects_that_need_each_other_are_no_endless_walk(get, upstream):
    upstream.add(wheel("hen", "1.0", requires=["egg[shell]"]))
    upstream.add(wheel("egg", "1.0", requires=["hen", 'egg[white]; extra == "shell"']))
    result = await get("hen")
    assert len(result.fetched) == 2


async def test_a_release_without_end_is_not_followed_without_end(get, upstream, monkeypatch):
    """METADATA comes from outside: it must not make us ask for names for ever."""
    monkeypatch.setattr(prefetch_plan, "_MOST_PROJECTS", 3)
    upstream.add(wheel("app", "1.0", requires=[f"name{number}" for number in range(50)]))
    result = await get("app")
    assert {one.slug for one in result.missing} == {"no-such-project", "too-many-projects"}
    assert upstream.count("/simple/*") == 3


async def test_what_is_pinned_serves_those_that_need_it(get, upstream):
    """A requirements file that is complete brings home what it names, and no newer release beside it."""
    upstream.add(wheel("app", "1.0", requires=["lib>=1"]))
    for version in ("1.0", "2.0"):
        upstream.add(wheel("lib", version))
    await get("app", "lib==1.0")
    assert await stored() == ["app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]


async def test_constraints_narrow_what_is_needed(get, upstream):
    upstream.add(wheel("app", "1.0", requires=["lib"]))
    for version in ("1.0", "2.0"):
        upstream.add(wheel("lib", version))
    limits = [Requirement("lib<2"), Requirement('lib<1; os_name == "nt"')]
    await get("app", constraints=limits)
    assert await stored() == ["app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]


async def test_every_target_gets_its_file(get, upstream):
    for tag in ("cp311-cp311-manylinux2014_x86_64", "cp312-cp312-macosx_11_0_arm64", "cp312-cp312-win_amd64"):
        upstream.add(wheel("fast", "1.0", tag=tag))
    upstream.add(sdist("fast", "1.0"))
    result = await get("fast", targets=[LINUX, MAC])
    assert result.missing == []
    assert await stored() == [
        "fast-1.0-cp311-cp311-manylinux2014_x86_64.whl", "fast-1.0-cp312-cp312-macosx_11_0_arm64.whl",
    ]  # fmt: skip


async def test_a_target_that_nothing_fits_is_named(get, upstream):
    upstream.add(wheel("fast", "1.0", tag="cp311-cp311-manylinux2014_x86_64"))
    result = await get("fast", targets=[LINUX, MAC])
    (one,) = result.missing
    assert (one.slug, "macosx_14_0_arm64" in one.what) == ("no-fitting-release", True)
    assert len(result.fetched) == 1


async def test_an_sdist_is_taken_where_there_is_no_wheel_and_its_needs_are_said_to_be_unknown(get, upstream):
    upstream.add(sdist("old", "1.0", requires=["lib"]))
    result = await get("old")
    assert await stored() == ["old-1.0.tar.gz"]
    assert "old-1.0.tar.gz" in result.remarks[0]
    await get("old", only_wheels=True)
    assert {slug for _, slug in get.missing} == {"no-fitting-release"}


async def test_without_dependencies_only_what_is_named_comes(get, upstream):
    upstream.add(wheel("app", "1.0", requires=["lib"]))
    await get("app", dependencies=False)
    assert await stored() == ["app-1.0-py3-none-any.whl"]
    assert upstream.count("*.metadata") == 0


async def test_a_dry_run_fetches_no_file_and_tells_what_is_missing(get, upstream):
    upstream.add(wheel("app", "1.0", requires=["lib", "nowhere"]))
    upstream.add(wheel("lib", "1.0"))
    await get("lib")
    upstream.forget()
    result = await get("app", dry_run=True)
    assert [one.entry.filename for one in result.here] == ["lib-1.0-py3-none-any.whl"]
    assert [one.entry.filename for one in result.to_fetch] == ["app-1.0-py3-none-any.whl"]
    assert [one.slug for one in result.missing] == ["no-such-project"]
    assert upstream.count("/packages/*.whl") == 0
    assert await stored() == ["lib-1.0-py3-none-any.whl"]


async def test_a_lock_file_is_taken_exactly(get, upstream):
    """Those very files, whatever else there is, also wheels for other machines and old versions."""
    for version in ("1.0", "2.0"):
        for tag in ("cp311-cp311-win_amd64", "py3-none-any"):
            upstream.add(wheel("demo", version, tag=tag))
    wanted = [upstream.add(sdist("demo", "1.0")), upstream.add(wheel("demo", "1.0", tag="cp39-cp39-win32"))]
    result = await get(locked=[locked(held) for held in wanted])
    assert result.missing == []
    assert await stored() == ["demo-1.0-cp39-cp39-win32.whl", "demo-1.0.tar.gz"]


async def test_of_a_lock_file_the_chosen_machines_get_what_they_can_use(get, upstream):
    files = [
        wheel("demo", "1.0", tag="cp311-cp311-manylinux2014_x86_64"),
        wheel("demo", "1.0", tag="cp311-abi3-manylinux2014_x86_64"),
        wheel("demo", "1.0", tag="cp311-cp311-win_amd64"),
        sdist("demo", "1.0"), sdist("built", "1.0"), wheel("onlywin", "1.0", tag="cp311-cp311-win32"),
    ]  # fmt: skip
    result = await get(locked=[locked(upstream.add(file)) for file in files], every_locked=False)
    assert await stored() == [
        "built-1.0.tar.gz", "demo-1.0-cp311-abi3-manylinux2014_x86_64.whl",
        "demo-1.0-cp311-cp311-manylinux2014_x86_64.whl",
    ]  # fmt: skip
    assert result.missing == []
    assert "onlywin" in result.remarks[0]


async def test_a_lock_file_that_is_newer_than_the_page_is_found(get, upstream):
    """The page that we have is fresh, but somebody has locked what was published a minute ago."""
    upstream.add(wheel("demo", "1.0"))
    await get("demo")
    newer = upstream.add(wheel("demo", "2.0"))
    result = await get(locked=[locked(newer)])
    assert (len(result.fetched), result.missing) == (1, [])
    newest = upstream.add(wheel("demo", "3.0"))
    await get.shop.run(repositories.edit_repository, "default", upstreams=None, changes={})
    result = await get("demo==3.0")
    assert [blob.sha256 for blob in result.fetched] == [newest.distribution.sha256]


async def test_another_digest_than_the_locked_one_is_named_and_not_fetched(get, upstream):
    held = upstream.add(wheel("demo", "1.0"))
    await get(locked=[locked(held, sha256="0" * 64), locked(held, filename="demo-9-py3-none-any.whl")])
    assert get.missing == {(held.filename, "digest-mismatch"), ("demo-9-py3-none-any.whl", "no-such-file")}
    assert upstream.count("/packages/*") == 0


async def test_a_digest_that_the_page_does_not_tell_is_compared_when_the_file_is_here(get, upstream):
    upstream.hashes = False
    held = upstream.add(wheel("demo", "1.0"))
    bad = Wish(Requirement("demo"), frozenset({"0" * 64}))
    result = await get(bad)
    assert (get.missing, result.fetched) == ({(held.filename, "digest-mismatch")}, [])
    await get(locked=[locked(held, sha256="0" * 64)])
    assert get.missing == {(held.filename, "digest-mismatch")}
    assert (await get(locked=[locked(held)])).missing == []


async def test_hashes_of_a_requirements_file_say_which_files_may_be(get, upstream):
    good = upstream.add(wheel("demo", "1.0"))
    upstream.add(wheel("demo", "2.0"))
    await get(Wish(Requirement("demo"), frozenset({good.distribution.sha256})))
    assert await stored() == [good.filename]


async def test_wrong_bytes_are_named_and_the_rest_comes(get, upstream):
    bad = upstream.add(wheel("bad", "1.0"))
    upstream.add(wheel("good", "1.0"))
    gone = upstream.add(wheel("gone", "1.0"))
    upstream.fault(f"*/{bad.filename}", change=flipped)
    upstream.fault(f"*/{gone.filename}", status=404)
    result = await get("bad", "gone", "good")
    assert get.missing == {(bad.filename, "digest-mismatch"), (gone.filename, "upstream-gone")}
    assert await stored() == ["good-1.0-py3-none-any.whl"]
    assert len(result.fetched) == 1

    upstream.heal()
    result = await get("bad", "gone", "good")
    assert (len(result.here), len(result.fetched), result.missing) == (1, 2, [])


async def test_an_upstream_that_fails_is_named_for_each_project(get, upstream):
    upstream.add(wheel("good", "1.0"))
    upstream.fault("/simple/down/", status=503)
    await get("down", "good", locked=[Locked("down", "down-1.tar.gz", None)])
    assert get.missing == {
        (f"down for {LINUX.name}", "upstream-unavailable"), ("down-1.tar.gz", "upstream-unavailable"),
    }  # fmt: skip
    assert await stored() == ["good-1.0-py3-none-any.whl"]


async def test_metadata_that_cannot_be_had_is_named(get, upstream):
    """Else what is needed would be missing, and nobody would know."""
    held = upstream.add(wheel("app", "1.0", requires=["lib"]))
    upstream.fault("*.metadata", status=503)
    await get("app")
    assert get.missing == {(f"what {held.filename} needs", "upstream-unavailable")}
    assert await stored() == [held.filename]


async def test_private_and_reserved_names_are_told_to_nobody(get, upstream):
    upstream.add(wheel("acme-tool", "1.0"))
    upstream.add(wheel("app", "1.0", requires=["acme-tool", "ours"]))
    await get.shop.run(
        repositories.edit_repository, "default", upstreams=None, changes={"reserved": ["acme-*"]}
    )
    await in_thread(
        lambda: Project.objects.create(
            repository_id=repositories.repository("default").id, name="ours", kind="private", listed=True
        )
    )
    await get("app", locked=[Locked("acme-tool", "acme_tool-1.0-py3-none-any.whl", None)])
    assert {slug for _, slug in get.missing} == {"private-name"}
    assert len(get.missing) == 3
    assert upstream.count("/simple/acme-tool/") == upstream.count("/simple/ours/") == 0


async def test_a_quarantined_project_is_not_fetched(get, upstream):
    upstream.add(wheel("evil", "1.0"))
    upstream.status["evil"] = "quarantined"
    await get("evil")
    assert {slug for _, slug in get.missing} == {"quarantined"}
    assert upstream.count("/packages/*") == 0


async def test_the_miss_mode_does_not_matter(get, upstream):
    """It says what clients get; this is the administrator's own wish."""
    upstream.add(wheel("demo", "1.0"))
    changes = {"miss": "refuse"}
    await get.shop.run(repositories.edit_repository, "default", upstreams=None, changes=changes)
    assert len((await get("demo")).fetched) == 1


async def test_offline_nothing_is_fetched_and_a_dry_run_tells_what_is_missing(get, upstream):
    """On the far side of the gap: is all here that the lock file names?"""
    here = upstream.add(wheel("app", "1.0", requires=["lib"]))
    away = upstream.add(wheel("app", "2.0"))
    lib = upstream.add(wheel("lib", "1.0"))
    await get("app<2")
    upstream.forget()
    get.offline()
    with pytest.raises(BadInput, match="offline"):
        await get("app")
    result = await get("app", locked=[locked(here), locked(away)], dry_run=True)
    assert {one.entry.filename for one in result.here} == {here.filename, lib.filename}
    assert get.missing == {(away.filename, "not-mirrored")}
    assert upstream.count() == 0


async def test_what_another_repository_has_is_not_fetched_again(get, upstream):
    held = upstream.add(wheel("demo", "1.0"))
    await get("demo")
    await get.shop.run(
        lambda: repositories.create_repository("other", upstreams=[upstream.url], networks=[], changes={})
    )
    upstream.forget()
    other = Prefetcher(get.shop, "other")
    assert len((await other("demo", dry_run=True)).here) == 1
    assert await stored() == [held.filename]
    result = await other("demo")
    assert (len(result.here), len(result.fetched)) == (1, 0)
    assert await stored() == [held.filename, held.filename]
    assert upstream.count("/packages/*.whl") == 0


async def test_bytes_that_were_lost_are_fetched_again(get, upstream):
    held = upstream.add(wheel("demo", "1.0"))
    (blob,) = (await get("demo")).fetched
    get.shop.store.delete(blob.name)
    result = await get("demo")
    assert (len(result.here), len(result.fetched)) == (0, 1)
    get.shop.store.delete(blob.name)
    upstream.remove(held.filename)
    await in_thread(lambda: Project.objects.update(fresh_until=0))
    await get("demo")
    assert {slug for _, slug in get.missing} <= {"upstream-gone", "upstream-unavailable"}
    assert get.missing


async def test_a_full_disk_ends_it_at_once(get, upstream, monkeypatch):
    """A sentence, not one for each of a thousand files."""
    for number in range(20):
        upstream.add(wheel(f"demo{number}", "1.0"))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("localshop.mirror.fetch.os.pwrite", full)
    with pytest.raises(StorageFull):
        await get(*(f"demo{number}" for number in range(20)))
    assert upstream.count("/packages/*.whl") <= prefetch_plan.AT_ONCE


async def test_not_more_than_a_few_are_fetched_at_once(get, upstream):
    names = [f"demo{number}" for number in range(30)]
    for name in names:
        upstream.add(wheel(name, "1.0"))
    most = 0
    real = Progress.begins

    class Watched(Progress):
        def begins(self, download):
            nonlocal most
            real(self, download)
            most = max(most, len(self._under_way))

    get.progress = Watched()
    assert len((await get(*names)).fetched) == 30
    assert 1 < most <= prefetch_plan.AT_ONCE


async def test_several_upstreams_are_never_mixed(get, upstream):
    """The first one that has the project answers for it, here as on a page."""
    upstream.add(wheel("demo", "1.0"))
    with FakeUpstream(host="127.0.0.2") as second:
        second.add(wheel("demo", "9.0"))
        second.add(wheel("more", "1.0"))
        await get.shop.run(
            repositories.edit_repository, "default", upstreams=[upstream.url, second.url], changes={}
        )
        await get("demo", "more")
    assert await stored() == ["demo-1.0-py3-none-any.whl", "more-1.0-py3-none-any.whl"]


async def test_what_the_rules_hide_is_not_fetched_and_named_with_the_reason(get, upstream):
    """An air gap is filled with what the rules let through; what is missing says by which rule."""
    upstream.add(wheel("demo", "1.0"), upload_time="2024-01-02T03:04:05Z")
    upstream.add(wheel("demo", "2.0"), upload_time="2099-01-02T03:04:05Z")
    new = upstream.add(wheel("other", "1.0"), upload_time="2099-01-02T03:04:05Z")
    rules = read({"cooldown": {"days": 7}})
    await in_thread(policies.save_rules, "default", rules, actor=Actor("test"))

    await get("demo", "demo==2.0", "demo==3.0", locked=[locked(new)])

    assert await stored() == ["demo-1.0-py3-none-any.whl"]
    assert get.missing == {
        (f"demo==2.0 for {LINUX.name}", "cooldown"),
        (f"demo==3.0 for {LINUX.name}", "no-fitting-release"),
        (new.filename, "cooldown"),
    }
