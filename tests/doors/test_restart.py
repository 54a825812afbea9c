"""Restarts under load: whoever asks meanwhile gets his answer, a little later."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading

import pytest

from distributions import wheel
from servers import PATIENCE, until

_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0), backlog=512) as held:
        yield held


def served(localshop, listener, log, *, count="1"):
    """``serve`` as systemd starts it: with a socket as its descriptor 3."""
    command = [sys.executable, "-W", "error", "-m", "localshop", "serve", "--workers", "2"]
    return subprocess.Popen(
        [sys.executable, "-c", _SYSTEMD, str(listener.fileno()), count, *command],
        env=localshop.environ(),
        stdout=log,
        stderr=log,
        pass_fds=[listener.fileno()],
        cwd="/",
    )


def ask(port, path):
    """The body, or None if the connection was closed before an answer began, at which clients try again."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
    except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
        return None
    else:
        assert answer.status == 200
        return answer.read()
    finally:
        connection.close()


def test_nobody_is_refused_while_localshop_restarts(localshop, upstream, listener, tmp_path):
    """An upgrade in the middle of the day must not break the builds that run."""
    held = upstream.add(wheel("demo", "1.0", size=100_000))
    localshop.good("init")
    localshop("repository", "edit", "default", "--upstream", upstream.url, "--miss", "stream")
    port = listener.getsockname()[1]
    path = f"/repo/default/{held.distribution.path}"
    over = threading.Event()
    bodies, again = [], []

    def visit():
        while not over.is_set():
            body = ask(port, path)
            if body is None:
                again.append(1)
                body = ask(port, path)
            bodies.append(body)

    with (tmp_path / "log").open("w") as log:
        process = served(localshop, listener, log)
        try:
            assert ask(port, path) == held.body
            visitors = [threading.Thread(target=visit) for _ in range(4)]
            for visitor in visitors:
                visitor.start()
            for _ in range(2):
                process.terminate()
                assert process.wait(PATIENCE) == 0
                process = served(localshop, listener, log)
                before = len(bodies)
                until(lambda before=before: len(bodies) > before + 20)
            over.set()
            for visitor in visitors:
                visitor.join()
        finally:
            over.set()
            process.terminate()
            process.wait(PATIENCE)
    assert {*bodies} == {held.body}


def test_what_is_handed_over_has_to_be_one_socket(localshop, listener, tmp_path):
    localshop.good("init")
    with (tmp_path / "log").open("w") as log:
        assert served(localshop, listener, log, count="2").wait(PATIENCE) == 1
    assert "localshop serves on one socket; it was handed 2." in (tmp_path / "log").read_text()
    assert os.fstat(listener.fileno())
