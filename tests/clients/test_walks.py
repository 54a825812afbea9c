"""What every client has to manage: install through an empty localshop, and again with no upstream."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from distributions import wheel
from installers import Uv


@pytest.mark.parametrize("repository", ["default", "streaming"])
def test_what_was_installed_once_is_here_for_ever(house, app, client, repository):
    """The first goes through to the upstream; the next one, elsewhere, needs it no more."""
    whole = {app: "2.0", f"{app}-lib": "2.0"}
    ended = client.install(house.index(repository), app)
    assert (ended.code, client.installed) == (0, whole), ended
    redirected = 302 in house.recorder.statuses()
    assert redirected == (repository == "default")

    house.jobs_done()
    client.forget()
    asked = house.asked_upstream(app)
    if repository == "default":
        house.upstream.stop()
        again = house.index(repository)
    else:
        again = house.index_offline(repository)
    ended = client.install(again, app)
    assert (ended.code, client.installed) == (0, whole), ended
    assert house.asked_upstream(app) == asked


@pytest.mark.parametrize("client", ["pip", "uv", "poetry"], indirect=True)
def test_a_repository_that_refuses_gives_what_it_has_and_fetches_nothing(house, app, client):
    """Frozen means frozen: a new version is seen, but its bytes do not come in."""
    house.localshop("repository", "edit", "refusing", "--miss", "stream")
    assert client.install(house.index("refusing"), f"{app}==1.0").code == 0
    house.jobs_done()
    house.localshop("repository", "edit", "refusing", "--miss", "refuse")

    client.forget()
    assert client.install(house.index("refusing"), f"{app}==1.0").code == 0
    client.forget()
    ended = client.install(house.index("refusing"), app)
    assert ended.code != 0
    assert "403" in ended.out + ended.err
    assert client.installed == {}
    assert house.asked_upstream(app, files="*2.0-*.whl") == []


def test_many_clients_that_want_the_same_make_one_request_upstream(house, name, tmp_path):
    """A new image is rolled out everywhere at once: the line to PyPI must carry it once."""
    names = [f"{name}-{number}" for number in range(15)]
    for each in names:
        house.upstream.add(wheel(each, "1.0", size=1_200_000))
    clients = [Uv(tmp_path / str(number)) for number in range(3)]

    with ThreadPoolExecutor(len(clients)) as threads:
        ends = list(threads.map(lambda client: client.install(house.index("streaming"), *names), clients))

    assert [ended.code for ended in ends] == [0, 0, 0], ends
    for client in clients:
        assert set(client.installed) == set(names)
    assert len(house.asked_upstream(name, files="*.whl")) == len(names)
    for each in names:
        assert house.upstream.count(f"/simple/{each}/") == 1


@pytest.mark.parametrize("path", ["/simple/", "/repo/default/+simple/", "/repo/default"])
@pytest.mark.parametrize("client", ["pip", "uv"], indirect=True)
def test_the_other_addresses_of_an_index_work(house, app, client, path):
    """Renovate, hatch and uv know these forms, and who copies a URL loses a slash."""
    assert client.install(house.recorder.url + path, f"{app}-lib").code == 0
    assert client.installed == {f"{app}-lib": "2.0"}
