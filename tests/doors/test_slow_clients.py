"""A real server while many clients hold on to it and do nothing."""

from __future__ import annotations

import http.client
import resource
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

import servers
from distributions import wheel
from servers import PATIENCE, until

HALF_OPEN = 200
STALLED = 25
JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture
def running(localshop, upstream):
    with servers.serve(localshop, LOCALSHOP_UPSTREAM_URL=upstream.url) as running:
        localshop.good("repository", "edit", "default", "--miss", "stream")
        yield running


def ask(running, path, **headers):
    """One request on a connection of its own: status, reason and body."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Accept": JSON, **headers})
        answer = connection.getresponse()
        return answer.status, answer.reason, answer.read()
    finally:
        connection.close()


def hang(running, begin):
    """A client that sends this and then neither sends nor reads any more."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
    client.settimeout(PATIENCE)
    client.connect(("127.0.0.1", running.port))
    client.sendall(begin)
    return client


def open_files(running):
    """Clients' sockets, and files that are being sent; not what is opened once and kept."""
    names = []
    for descriptors in [Path(f"/proc/{pid}/fd") for pid in running.web_processes()]:
        for descriptor in descriptors.iterdir():
            with suppress(FileNotFoundError):
                names.append(str(descriptor.readlink()))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    clients = {f"socket:[{line[9]}]" for line in lines if int(line[1].partition(":")[2], 16) == running.port}
    return len([name for name in names if name in clients or "/files/" in name])


def test_clients_that_hold_on_stop_nobody(running, upstream):
    """An asyncio server is not stopped by them as long as nothing of it waits for one of them."""
    held = upstream.add(wheel("Demo", "1.0", size=8_000_000))
    url = f"/repo/default/{held.distribution.path}"
    assert ask(running, url)[::2] == (200, held.body)
    before = open_files(running)
    get = f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc"
    with ExitStack() as clients:
        for begin, count in [(get[:20], HALF_OPEN), (get, STALLED), (post, STALLED)]:
            for _ in range(count):
                clients.enter_context(hang(running, begin))
        until(lambda: open_files(running) >= before + HALF_OPEN + 3 * STALLED)
        answers = [ask(running, url if number % 2 else "/repo/default/demo/") for number in range(50)]
        assert {status for status, _, _ in answers} == {200}
    until(lambda: open_files(running) <= before)


def test_a_refusal_tells_its_sentence_in_the_status_line(running):
    status, reason, body = ask(running, "/repo/other/demo/")
    assert (status, reason) == (404, "There is no such repository.")
    assert body.decode() == f"no-such-repository: {reason}\n"


def test_a_request_with_too_many_headers_is_refused(running):
    status, reason, body = ask(running, "/", **{f"X-{number}": "1" for number in range(100)})
    assert status == 431
    assert body.decode() == f"head-too-large: {reason}\n"


def test_as_many_files_may_be_open_as_the_machine_allows(running):
    """1024 connections would be few."""
    for pid in running.children():
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        assert soft == hard
