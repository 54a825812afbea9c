"""Credentials as clients send them, to a repository that lets nobody in without."""

from __future__ import annotations

import pytest


def assert_installed(ended, client, app):
    assert ended.code == 0, ended
    assert client.installed == {app: "2.0", f"{app}-lib": "2.0"}


def test_credentials_in_the_url_go_along_with_every_request(house, app, client):
    """A request that comes without, and again with, doubles the time of an install.

    They are not carried to where a redirect leads: there the team's secret is nobody's business.
    """
    ended = client.install(house.index_with_credentials(), app)
    assert_installed(ended, client, app)
    assert set(house.recorder.statuses()) <= {200, 301, 302}
    assert 302 in house.recorder.statuses()
    files = house.asked_upstream(app, files="*.whl")
    assert files
    assert [each for each in files if "Authorization" in each.headers] == []


@pytest.mark.parametrize("client", ["pip", "pip-21.3", "uv", "poetry", "pdm"], indirect=True)
def test_netrc_is_read(house, app, client):
    """One file for all tools at once. uv asks without credentials first; the others send them at once."""
    client.netrc(house.index("closed"), house.key, house.secret)
    ended = client.install(house.index("closed"), app)
    assert_installed(ended, client, app)


@pytest.mark.parametrize("client", ["pip", "uv"], indirect=True)
@pytest.mark.parametrize("form", ["pair", "secret"])
def test_a_token_is_taken_where_twine_users_put_it(house, app, client, form):
    token = f"{house.key}%3A{house.secret}" if form == "pair" else house.secret
    ended = client.install(house.index_with_credentials("__token__", token), app)
    assert_installed(ended, client, app)
    assert 401 not in house.recorder.statuses()


def test_uv_takes_them_from_its_environment(house, app, uv):
    index = f"localshop={house.index('closed')}"
    pair = {"UV_INDEX_LOCALSHOP_USERNAME": house.key, "UV_INDEX_LOCALSHOP_PASSWORD": house.secret}
    assert_installed(uv.install(index, app, **pair), uv, app)
    assert 401 not in house.recorder.statuses()


@pytest.mark.parametrize("client", ["poetry"], indirect=True)
def test_poetry_takes_them_from_its_environment(house, app, client):
    pair = {"POETRY_HTTP_BASIC_SHOP_USERNAME": house.key, "POETRY_HTTP_BASIC_SHOP_PASSWORD": house.secret}
    assert_installed(client.install(house.index("closed"), app, **pair), client, app)
    assert 401 not in house.recorder.statuses()


def test_uv_sends_them_below_the_alias_too(house, app, uv):
    """uv sends credentials below the index only; of ``…/+simple/`` it takes the parent."""
    assert_installed(uv.install(f"{house.index_with_credentials()}+simple/", app), uv, app)
    assert 401 not in house.recorder.statuses()


@pytest.mark.parametrize("client", ["pip", "uv"], indirect=True)
def test_a_person_uses_name_and_password(house, app, client):
    house.localshop("user", "create", app, "--password", "f8Kq-3vTz.pWx_7mB~Y")
    ended = client.install(house.index_with_credentials(app, "f8Kq-3vTz.pWx_7mB~Y"), app)
    assert_installed(ended, client, app)


@pytest.mark.parametrize("client", ["pip", "pip-21.3", "uv", "poetry", "pdm"], indirect=True)
def test_without_credentials_nothing_is_given(house, app, client):
    assert_refused(client.install(house.index("closed"), app), house, client, app)


@pytest.mark.parametrize("client", ["pip", "uv"], indirect=True)
def test_with_wrong_credentials_nothing_is_given(house, app, client):
    index = house.index_with_credentials("lsk_nobody", "lsp_nothing")
    assert_refused(client.install(index, app), house, client, app)


def assert_refused(ended, house, client, app):
    """Not by a redirect to a login page either, which a client would take for an empty page."""
    assert ended.code != 0
    assert client.installed == {}
    assert set(house.recorder.statuses()) == {401}
    assert house.asked_upstream(app) == []
