"""Read your writes: what one process has changed, every web process knows at its next request.

The changes are made here, in pytest's process; two web processes of a real ``serve`` on the same
database answer. Which of them holds a connection is read from the kernel's tables.
"""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from command_line import CommandLine
from databases import SERVER
from distributions import wheel
from localshop import config
from localshop.catalog import credentials, networks, policies, projects
from localshop.catalog.journal import Actor
from localshop.catalog.projects import Finding
from localshop.policies.rules import read
from servers import serve, until

ROUNDS = 400 if SERVER else 1300
"""Each a change of a credential and one of a network, every third one of a page, too: 3,033 changes.
PostgreSQL takes three times as long for each."""
RULES_ROUNDS = 100
PAGE = "/repo/default/demo/"
LOOPBACK = "127.0.0.1/32"


class Pinned:
    """A kept connection, and the process that holds its other end."""

    def __init__(self, running, *, headers):
        self._connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
        self._headers = {"Accept": "application/vnd.pypi.simple.v1+json", **headers}
        # It is accepted when it has been answered.
        self.get()
        port = self._connection.sock.getsockname()[1]
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ends = {(int(line[1][-4:], 16), int(line[2][-4:], 16)): line[9] for line in lines}
        held = f"socket:[{ends[running.port, port]}]"
        (self.pid,) = [pid for pid in running.children() if held in _open_files(pid)]

    def ask(self):
        self._connection.request("GET", PAGE, headers=self._headers)

    def answer(self):
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def get(self):
        self.ask()
        return self.answer()

    def close(self):
        self._connection.close()


def _open_files(pid):
    found = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(str(fd.readlink()))
        except FileNotFoundError:
            continue
    return found


@pytest.fixture
def hasty(repository):
    """What others see does not wait for the disk, so these tests need not."""
    if connection.vendor == "sqlite":
        connection.cursor().execute("PRAGMA synchronous=OFF")
    yield
    connection.close()


@pytest.fixture
def serving(repository, upstream, tmp_path):
    """``serve`` with two web processes, on the database of this process."""
    upstream.add(wheel("demo", "1.0"))
    database = config.current().database_url
    environ = {"LOCALSHOP_DATABASE_URL": database, "LOCALSHOP_SECRET_KEY": settings.SECRET_KEY}
    with serve(CommandLine(tmp_path / "home"), "--no-jobs", **environ) as running:
        until(lambda: len(running.children()) == 2)
        yield running


@contextmanager
def one_for_each(running, **headers):
    """A connection to each web process."""
    found = {}
    unused = []
    while len(found) < 2:
        assert len(unused) < 1000
        pinned = Pinned(running, headers=headers)
        if pinned.pid in found:
            # Kept open until then: else the process that has just closed one takes the next.
            unused.append(pinned)
        else:
            found[pinned.pid] = pinned
    for pinned in unused:
        pinned.close()
    try:
        yield list(found.values())
    finally:
        for pinned in found.values():
            pinned.close()


@contextmanager
def crowd(running, **headers):
    """Somebody who asks both processes for the page all the time, whatever the answer: what they keep
    in memory is read while it is being changed."""
    stop = threading.Event()

    def ask(pinned):
        while not stop.wait(0.005):
            both(pinned)

    with one_for_each(running, **headers) as pinned:
        thread = threading.Thread(target=ask, args=[pinned])
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def both(pinned):
    """The answers of both processes to requests that were sent at the same time."""
    for each in pinned:
        each.ask()
    return [each.answer() for each in pinned]


def statuses(pinned):
    return [status for status, _ in both(pinned)]


def test_no_process_ever_answers_with_what_was(serving, repository, upstream, hasty):
    """A key that was disabled lets nobody in, and a page that was changed is not shown as it was."""
    made, secret = credentials.create_credential()
    pair = base64.b64encode(f"{made.access_key}:{secret}".encode()).decode()
    with one_for_each(serving) as anonymous:
        assert statuses(anonymous) == [200, 200]
    networks.remove_network("default", "127.0.0.0/8")
    with (
        crowd(serving, Authorization=f"Basic {pair}"),
        one_for_each(serving, Authorization=f"Basic {pair}") as known,
        one_for_each(serving) as anonymous,
    ):
        stale = []
        for number in range(ROUNDS):
            enabled = number % 2 == 1
            credentials.set_enabled(made.access_key, enabled=enabled)
            if statuses(known) != ([200, 200] if enabled else [401, 401]):
                stale.append(("credential", number))

            if number % 2:
                networks.remove_network("default", LOOPBACK)
            else:
                networks.add_network("default", LOOPBACK, credentials=False)
            if statuses(anonymous) != ([401, 401] if number % 2 else [200, 200]):
                stale.append(("network", number))

            if number % 3 == 0:
                change_page(repository, reason=str(number))
                answers = both(anonymous if number % 2 == 0 else known)
                if [_reason(*answer) for answer in answers] != [str(number)] * 2:
                    stale.append(("page", number))
    assert stale == []
    assert upstream.count() == 1


def test_no_process_ever_judges_by_rules_that_were(serving, repository, upstream, hasty):
    """A release that was blocked is given to nobody any more, by neither process, listed or not."""
    upstream.add(wheel("demo", "2.0"))
    me = Actor("test")
    with one_for_each(serving) as anonymous:
        for number in range(RULES_ROUNDS):
            blocked = number % 2 == 0
            told = {"block": {"entries": [f"demo=={1 + number % 4 // 2}.0"]}} if blocked else {}
            policies.save_rules("default", read(told), actor=me)
            assert [len(files_on(body)) for _, body in both(anonymous)] == [1 if blocked else 2] * 2, number
            if blocked:
                now = time.time()
                more = {"until": now + 60, "reason": "a fix", "now": now, "actor": me}
                version = told["block"]["entries"][0].partition("==")[2]
                policies.let_through("default", "demo", version, **more)
                assert [len(files_on(body)) for _, body in both(anonymous)] == [2, 2], number
                policies.end_pass("default", "demo", version, actor=me)
                assert [len(files_on(body)) for _, body in both(anonymous)] == [1, 1], number


def files_on(body):
    return json.loads(body)["files"]


def change_page(repository, *, reason):
    """Change what the page says of the project, as a trip to the upstream does."""
    (source,) = repository.upstreams
    projects.save_findings(
        repository.id,
        "demo",
        findings=[Finding(source.id, None)],
        now=time.time(),
        fresh_until=time.time() + 300,
        listed=True,
        status="archived",
        status_reason=reason,
    )


def _reason(status, body):
    return json.loads(body)["project-status"].get("reason") if status == 200 else status
