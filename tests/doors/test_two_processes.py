"""What two web processes, as ``serve`` starts them, do together: nothing twice."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor

import pytest

from command_line import CommandLine
from distributions import wheel
from servers import serve


@pytest.fixture
def localshop(tmp_path):
    return CommandLine(tmp_path / "home")


@pytest.fixture
def serving(localshop, upstream):
    with serve(localshop, LOCALSHOP_UPSTREAM_URL=upstream.url) as running:
        localshop("repository", "edit", "default", "--miss", "stream")
        yield running


def get(running, path):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


@pytest.mark.parametrize("size", [0, 1_200_000])
def test_a_file_that_many_want_is_fetched_once(serving, upstream, size):
    """Who comes while the last bytes are put in their place must not fetch it all once more."""
    held = [upstream.add(wheel(f"demo-{number}", "1.0", size=size)) for number in range(20)]
    paths = [f"/repo/default/{each.distribution.path}" for each in held for _ in range(10)]
    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(lambda path: get(serving, path), paths))
    for (status, body), path in zip(answers, paths, strict=True):
        assert status == 200, serving.log.read_text()
        assert body == next(each.body for each in held if path.endswith(each.distribution.path))
    assert upstream.count("/packages/*.whl") == len(held)
