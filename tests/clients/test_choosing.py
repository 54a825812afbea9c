"""What clients choose by what our pages say, and that choosing costs no downloads."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from distributions import sdist, wheel


@pytest.fixture
def html_upstream(house):
    """The house, for as long as its upstream knows the HTML of ten years ago only."""
    house.upstream.html_only = True
    yield house
    house.upstream.html_only = False


def test_everything_that_a_page_says_of_a_file_arrives(house, name, client):
    """Too new for this Python, yanked, yanked but pinned, a local version, an sdist that is built."""
    install_all_kinds(house, name, client)


@pytest.mark.parametrize("client", ["pip", "uv", "poetry"], indirect=True)
def test_everything_arrives_from_an_upstream_that_knows_html_only(html_upstream, name, client):
    install_all_kinds(html_upstream, name, client)


def install_all_kinds(house, name, client):
    for version, python in (("1.0", ""), ("2.0", ">=4")):
        house.upstream.add(wheel(f"{name}-python", version, requires_python=python))
    for project in ("yanked", "pinned"):
        house.upstream.add(wheel(f"{name}-{project}", "1.0"))
        house.upstream.add(wheel(f"{name}-{project}", "2.0"), yanked='broken "badly"')
    house.upstream.add(wheel(f"{name}-local", "1.0"))
    house.upstream.add(wheel(f"{name}-local", "1.0+linux.1"))
    house.upstream.add(sdist(f"{name}-built", "1.0"))

    projects = [f"{name}-{project}" for project in ("python", "yanked", "local", "built")]
    ended = client.install(house.index(), *projects, f"{name}-pinned==2.0")

    assert ended.code == 0, ended
    assert client.installed == {
        f"{name}-python": "1.0",
        f"{name}-yanked": "1.0",
        f"{name}-pinned": "2.0",
        f"{name}-local": "1.0+linux.1",
        f"{name}-built": "1.0",
    }


@pytest.mark.parametrize("client", ["pip", "uv", "uv-0.8", "poetry", "pdm"], indirect=True)
@pytest.mark.parametrize("metadata", ["advertised", "absent"])
def test_resolving_downloads_no_wheel(house, name, client, metadata):
    """A resolver looks at many versions; the METADATA of each is kilobytes, the wheel megabytes."""
    house.upstream.add(wheel(f"{name}-lib", "1.0", size=300_000), metadata=metadata)
    for number in range(4):
        needs = [f"{name}-lib=={'1.0' if number == 0 else '2.0'}"]
        held = wheel(name, f"1.{number}", requires=needs, size=300_000)
        house.upstream.add(held, metadata=metadata)

    ended = client.resolve(house.index(), name, f"{name}-lib")

    assert ended.code == 0, ended
    assert [each.path for each in house.recorder.seen("*.whl")] == []
    whole = [each for each in house.asked_upstream(name, files="*.whl") if "Range" not in each.headers]
    assert whole == []
    assert house.recorder.seen("*.whl.metadata")


@pytest.mark.parametrize("client", ["pip", "pip-21.3", "uv"], indirect=True)
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_hashes_that_are_required_are_those_of_the_upstream(house, name, client, right):
    held = house.upstream.add(wheel(name, "1.0"))
    digest = held.distribution.sha256 if right else "0" * 64
    wanted = client.project / "requirements.txt"
    wanted.write_text(f"{name}==1.0 --hash=sha256:{digest}\n")
    ended = client.install(house.index(), "--require-hashes", "-r", wanted)
    assert (ended.code == 0) == right, ended
    assert client.installed == ({name: "1.0"} if right else {})


@pytest.mark.parametrize("client", ["pip", "uv", "uv-0.8"], indirect=True)
def test_a_cooldown_goes_by_the_time_of_the_upstream(house, name, client):
    """Not by the time of mirroring: then nothing would be old enough for a while, however old it is."""
    install_the_old_one(house, name, client)


@pytest.mark.parametrize("client", ["pip", "uv"], indirect=True)
def test_a_cooldown_works_with_an_upstream_that_knows_html_only(html_upstream, name, client):
    """pip gives up on a page that has not the time of each file."""
    install_the_old_one(html_upstream, name, client)


def install_the_old_one(house, name, client):
    house.upstream.add(wheel(name, "1.0"), upload_time="2024-01-02T03:04:05.000000Z")
    house.upstream.add(wheel(name, "2.0"), upload_time="2025-06-07T08:09:10.000000Z")
    option = "--uploaded-prior-to" if client.name == "pip" else "--exclude-newer"
    ended = client.install(house.index(), f"{option}=2025-01-01T00:00:00Z", name)
    assert ended.code == 0, ended
    assert client.installed == {name: "1.0"}


def test_what_is_hidden_is_not_chosen_and_is_refused_with_the_reason(house, name, client, rules):
    """Every client, however old, gets what the rules leave; none goes on to what they hide."""
    old = "2024-01-02T03:04:05.000000Z"
    house.upstream.add(wheel(name, "1.0"), upload_time=old)
    house.upstream.add(wheel(name, "1.5"), upload_time=old, yanked="broken")
    young = house.upstream.add(wheel(name, "2.0"), upload_time=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}")
    index = rules("--cooldown", "3", "--yanked", "hide", "--block", f"{name}==1.1")

    ended = client.install(index, name)

    assert ended.code == 0, ended
    assert client.installed == {name: "1.0"}
    assert [each for each in house.asked_upstream(name, files="*.whl") if "2.0" in each.path] == []
    assert young.distribution.path


@pytest.mark.parametrize("client", ["pip", "uv"], indirect=True)
def test_a_locked_file_that_is_hidden_is_refused_in_words_that_the_client_shows(house, name, client, rules):
    """Whoever installs from a lock file has its URL; he is told why it fails, and until when."""
    young = house.upstream.add(wheel(name, "2.0"), upload_time=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}")
    index = rules("--cooldown", "3")

    ended = client.install(index, f"{name} @ {index}{young.distribution.path}")

    assert ended.code != 0
    assert client.installed == {}
    assert "waits until" in ended.out + ended.err


@pytest.fixture
def rules(house, name):
    """A repository of its own with these rules; gives the URL of its index."""

    def make(*options):
        house.localshop("repository", "create", name, "--upstream", house.upstream.url)
        house.localshop("policy", "set", name, *options)
        return house.index(name)

    return make


@pytest.mark.parametrize("client", ["pip", "uv"], indirect=True)
def test_what_is_unknown_is_told_to_be(house, name, client):
    ended = client.install(house.index(), name)
    assert ended.code != 0
    assert 404 in house.recorder.statuses()
    assert "Traceback" not in ended.err
