"""A real server whose database is held by another process: for three seconds, and for good."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import servers
from distributions import wheel
from servers import PATIENCE

COLD = [f"/repo/default/cold-{number}/" for number in range(20)]


@pytest.fixture
def ask(localshop, upstream):
    """Ask a running server, one request on a connection: status, headers, body."""
    for number in range(20):
        upstream.add(wheel(f"Cold-{number}", "1.0"))
    with servers.serve(localshop, LOCALSHOP_UPSTREAM_URL=upstream.url) as running:

        def ask(path):
            connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read()
            finally:
                connection.close()

        yield ask


@pytest.fixture
def warm(localshop, upstream, ask):
    """A page and a file that lie ready."""
    held = upstream.add(wheel("Warm", "1.0"))
    localshop.good("repository", "edit", "default", "--miss", "stream")
    # The page is made again once somebody has asked for a file of it.
    paths = [f"/repo/default/{held.distribution.path}", "/repo/default/warm/"]
    assert [ask(path)[0] for path in paths] == [200, 200]
    return paths


def test_for_three_seconds_writers_wait_and_readers_do_not(localshop, ask, warm):
    with ThreadPoolExecutor(40) as clients, localshop.database.held() as let_go:
        waiting = [clients.submit(ask, path) for path in COLD]
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert [ask(path)[0] for path in warm] == [200, 200]
        assert not any(future.done() for future in waiting)
        let_go()
        assert {future.result()[0] for future in waiting} == {200}


def test_for_longer_writers_are_told_so_and_it_recovers_by_itself(localshop, ask, warm):
    with ThreadPoolExecutor(40) as clients, localshop.database.held():
        waiting = [clients.submit(ask, path) for path in COLD]
        begin = time.monotonic()
        while not all(future.done() for future in waiting):
            assert [ask(path)[0] for path in warm] == [200, 200]
            assert time.monotonic() - begin < 20
        answers = [future.result() for future in waiting]
        assert {status for status, _, _ in answers} == {503}
        assert {headers["x-localshop-refusal"] for _, headers, _ in answers} == {"database-busy"}
        assert all(1 <= int(headers["retry-after"]) <= 5 for _, headers, _ in answers)
    assert {ask(path)[0] for path in COLD} == {200}
