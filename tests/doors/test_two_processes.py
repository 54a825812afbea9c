"""What two web processes, as ``serve`` starts them, do together: nothing twice."""

from __future__ import annotations

import http.client
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from distributions import wheel
from servers import serve


@pytest.fixture
def serving(localshop, upstream):
    with serve(localshop, LOCALSHOP_UPSTREAM_URL=upstream.url) as running:
        localshop("repository", "edit", "default", "--miss", "stream")
        yield running


def begin(running, path):
    """A connection that has asked for this, and read the first bytes of its answer's body."""
    raw = socket.create_connection(("127.0.0.1", running.port), timeout=30)
    raw.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    read = b""
    while b"\r\n\r\n" not in read or not read.partition(b"\r\n\r\n")[2]:
        piece = raw.recv(65536)
        assert piece, read
        read += piece
    assert read.startswith(b"HTTP/1.1 200"), read
    return raw


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


def test_first_bytes_come_before_the_last_ones_are_here(serving, upstream):
    """Clients hang up when nothing comes; a large file must not be fetched whole before it is sent."""
    held = upstream.add(wheel("demo", "1.0", size=5_000_000))
    path = f"/repo/default/{held.distribution.path}"
    upstream.fault("/packages/*.whl", pause=1_000_000)

    with begin(serving, path):
        pass  # The upstream has not sent the rest yet, and waits until it is healed.
    upstream.heal()

    assert get(serving, path) == (200, held.body)


def test_who_hangs_up_costs_the_next_one_nothing(serving, upstream):
    """A build that is cancelled in the middle of a download must not make the next one begin anew."""
    held = upstream.add(wheel("demo", "1.0", size=5_000_000))
    path = f"/repo/default/{held.distribution.path}"
    upstream.fault("/packages/*.whl", pause=1_000_000)
    for _ in range(5):
        begin(serving, path).close()
    upstream.heal()

    assert get(serving, path) == (200, held.body)
    assert upstream.count("/packages/*.whl") == 1
