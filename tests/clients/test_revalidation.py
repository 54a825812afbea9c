"""What clients ask for the second time: whether pages have changed, and nothing else."""

from __future__ import annotations

import pytest

from distributions import wheel

PIPS = ["pip", "pip-23.3", "pip-21.3"]
# pip keeps what comes over plain http from a host that it was told to trust only.
TRUSTED = "--trusted-host=127.0.0.1"


def again(house, client, index, *arguments):
    """Install into an environment, and then with the same cache into the next one; what that asked for."""
    assert client.install(index, *arguments).code == 0
    client.new_environment()
    house.recorder.forget()
    ended = client.install(index, *arguments)
    assert ended.code == 0, ended
    return house.recorder.seen()


@pytest.mark.parametrize("client", ["uv", "uv-0.8"], indirect=True)
@pytest.mark.parametrize("credentials", [False, True])
def test_uv_revalidates_pages_and_asks_for_nothing_else(house, app, client, credentials):
    """It throws away a 304 without ETag and ignores a weak one: then every page would come whole."""
    index = house.index_with_credentials() if credentials else house.index()
    seen = again(house, client, index, app)
    slug = "closed" if credentials else "default"
    assert sorted(each.path for each in seen) == [f"/repo/{slug}/{app}-lib/", f"/repo/{slug}/{app}/"]
    assert [each.status for each in seen] == [304, 304]


@pytest.mark.parametrize("client", PIPS, indirect=True)
def test_pip_revalidates_pages_and_takes_files_from_its_cache(house, app, client):
    seen = again(house, client, house.index("streaming"), TRUSTED, app)
    assert {(each.path, each.status) for each in seen} == {
        (f"/repo/streaming/{app}/", 304),
        (f"/repo/streaming/{app}-lib/", 304),
    }


@pytest.mark.parametrize("client", ["pip", "uv", "uv-0.8", "poetry", "pdm"], indirect=True)
def test_a_new_version_is_seen_at_once_by_who_has_the_page(house, app, client):
    """Since 26.2 pip believes a max-age: "I have just published it, and pip does not see it"."""
    trusted = [TRUSTED] if client.name == "pip" else []
    assert client.install(house.index(), *trusted, f"{app}-lib").code == 0
    house.upstream.add(wheel(f"{app}-lib", "3.0"))
    # The upstream is asked anew at the next request.
    house.localshop("repository", "edit", "default", "--fresh", "600")
    client.new_environment()
    for old in client.project.iterdir():
        old.unlink()
    assert client.install(house.index(), *trusted, f"{app}-lib").code == 0
    assert client.installed == {f"{app}-lib": "3.0"}
