"""kill -9 at any moment while pages are refreshed and files mirrored: nothing wrong is ever served."""

from __future__ import annotations

import http.client
import os
import random
import signal
import threading
import time
from contextlib import suppress

import pytest

from distributions import sdist, wheel
from servers import serve, until

PROJECTS = 12
KILLS = 14


def ask(port, path):
    """The status and body, or None when the connection was cut: then there is no answer to be wrong."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return answer.status, body


def client(number, port, held, wrong, over):
    """Ask for pages and files at random, and compare every whole answer with the truth."""
    mine = random.Random(number)
    while not over.is_set():
        one = mine.choice(held)
        page = ask(port, f"/repo/default/{one.distribution.normalised}/") or (0, b"")
        answer = ask(port, f"/repo/default/{one.distribution.path}") or (0, b"")
        if page[0] == 404:
            wrong.append(f"{one.filename}: its project is said not to exist")
        if answer[0] == 200 and answer[1] != one.body:
            wrong.append(f"{one.filename}: {len(answer[1])} bytes instead of {len(one.body)}")
        if answer[0] not in {0, 200, 302, 503}:
            wrong.append(f"{one.filename}: {answer}")


@pytest.mark.parametrize("miss", ["stream", "redirect"])
def test_whoever_is_killed_no_wrong_byte_is_served_and_no_file_is_lost(localshop, upstream, miss):
    """Power, memory and people end processes; builds must only ever see a retry."""
    chosen = random.Random(20261121)
    held = []
    for number in range(PROJECTS):
        held.append(
            upstream.add(wheel(f"demo-{number}", "1.0", size=chosen.choice([500, 300_000, 2_500_000])))
        )
        held.append(upstream.add(sdist(f"demo-{number}", "2.0")))
    upstream.fault("/packages/*", drip=4_000_000)
    wrong = []
    over = threading.Event()

    with serve(localshop, LOCALSHOP_UPSTREAM_URL=upstream.url) as running:
        localshop("repository", "edit", "default", "--miss", miss, "--fresh", "1")
        clients = [
            threading.Thread(target=client, args=[number, running.port, held, wrong, over])
            for number in range(6)
        ]
        for thread in clients:
            thread.start()
        for _ in range(KILLS):
            time.sleep(chosen.uniform(0.05, 0.4))
            victims = running.job_processes() if chosen.random() < 0.4 else running.web_processes()
            with suppress(ProcessLookupError, IndexError):
                os.kill(chosen.choice(victims), signal.SIGKILL)
        over.set()
        for thread in clients:
            thread.join()
        assert wrong == []
        upstream.heal()
        for one in held:
            path = f"/repo/default/{one.distribution.path}"
            until(lambda path=path: (answer := ask(running.port, path)) and answer[0] in {200, 302})
        # A job whose worker was killed is taken over when its lease has run out.
        localshop("jobs", "wait", "--timeout", "50")
        until(lambda: len(running.web_processes()) == 2)
        upstream.stop()
        for one in held:
            path = f"/repo/default/{one.distribution.path}"
            assert until(lambda path=path: ask(running.port, path)) == (200, one.body)
        running.stop()
    assert not [*(localshop.home / "files" / ".tmp").glob("*.part")]
