"""``pip search``, which PyPI does not answer any more, over private projects."""

from __future__ import annotations

import base64
import urllib.request

import pytest

from distributions import wheel
from upload_form import upload_of


def publish(house, distribution):
    made = house.localshop("credential", "create", "--repository", "default", "--upload")
    headers, body = upload_of(distribution)
    pair = f"{made['access_key']}:{made['secret_key']}".encode()
    headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    request = urllib.request.Request(house.index(), data=body, headers=headers)
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("client", ["pip", "pip-23.3", "pip-21.3"], indirect=True)
def test_pip_finds_what_was_uploaded(house, name, client):
    publish(house, wheel(name, "1.0"))
    publish(house, wheel(name, "1.1"))

    for index in (house.index(), f"{house.recorder.url}/simple/", f"{house.recorder.url}/pypi"):
        ended = client.pip("search", f"--index={index}", name)
        assert ended.code == 0, ended
        assert ended.out.split() == [name, "(1.1)", "-", "For", "tests"]

    ended = client.pip("search", f"--index={house.index()}", f"{name}-nothing")
    assert (ended.code, ended.out) == (23, "")
