"""``run_gunicorn``: the classic way to serve answers as ``serve`` does, and takes gunicorn's options."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import servers
from command_line import CommandLine
from distributions import wheel
from servers import PATIENCE, until


class Running(servers.Running):
    """gunicorn says on stderr where it listens."""

    def wait_until_it_serves(self, workers=1):
        until(lambda: self.log.read_text().count("Application startup complete") >= workers)
        self.url = re.search(r"Listening at: (http://\S+)", self.log.read_text())[1]


@pytest.fixture
def localshop(initialised, upstream):
    """A home that reads from the fake upstream."""
    initialised.database.execute("UPDATE catalog_upstream SET url = %s", upstream.url)
    return initialised


@pytest.fixture
def gunicorn(localshop):
    """A running ``run_gunicorn`` with these options more."""
    running = []

    def start(*options, workers=1, **environ):
        one = Running(localshop, "run_gunicorn", *options, **environ)
        running.append(one)
        one.wait_until_it_serves(workers)
        return one

    yield start
    for one in running:
        one.kill()


def connection(running):
    return http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)


def test_it_serves_with_gunicorns_own_options_and_our_sentences(gunicorn, upstream):
    """`-b` and `-w` do what they do everywhere; a refusal still reaches twine, which shows its reason."""
    upstream.add(wheel("demo", "1.0"))
    running = gunicorn("-b", "127.0.0.1:0", "-w", "2", workers=2)
    asked = connection(running)
    asked.request("GET", "/simple/demo/")
    answer = asked.getresponse()
    assert answer.status == 200
    assert b"demo-1.0-py3-none-any.whl" in answer.read()
    asked.request("POST", "/simple/", body=b"")
    answer = asked.getresponse()
    assert (answer.status, "needs credentials" in answer.reason) == (401, True)
    assert answer.getheader("server") is None
    asked.close()
    assert len(running.children()) == 2
    running.stop()


def test_without_options_the_settings_hold(gunicorn):
    """Who has set up `serve` need not say it all again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = gunicorn(LOCALSHOP_BIND=f"127.0.0.1:{port}", LOCALSHOP_WORKERS="1")
    assert running.port == port
    assert len(running.children()) == 1


def test_slow_clients_meet_the_same_limits(gunicorn):
    """A head that is too large is refused with a sentence, as by `serve`: the connection is our own class."""
    running = gunicorn("-b", "127.0.0.1:0", "-w", "1")
    asked = connection(running)
    asked.request("GET", "/simple/", headers={"X-Long": "x" * 70_000})
    answer = asked.getresponse()
    assert (answer.status, answer.getheader("x-localshop-refusal")) == (431, "head-too-large")
    asked.close()


def test_an_answer_that_is_on_its_way_is_finished_before_it_ends(gunicorn, upstream):
    """A restart costs nobody his download."""
    upstream.add(wheel("demo", "1.0"))
    upstream.fault("/simple/demo/", hang=True)
    running = gunicorn("-b", "127.0.0.1:0", "-w", "1")
    answers = []

    def ask():
        asked = connection(running)
        asked.request("GET", "/simple/demo/")
        answers.append(asked.getresponse().status)
        asked.close()

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: upstream.count("/simple/demo/"))
    running.process.terminate()
    until(lambda: "Handling signal: term" in running.log.read_text() or running.process.poll() is not None)
    upstream.heal()
    asking.join(PATIENCE)
    assert answers == [200]
    assert running.ended() == (0, [])


def test_nothing_stays_behind_when_gunicorn_is_killed(gunicorn):
    """Else the port stays taken, by processes that nobody looks after, and the next start fails."""
    running = gunicorn("-b", "127.0.0.1:0", "-w", "2", workers=2)
    running.process.kill()
    running.process.wait(PATIENCE)
    until(lambda: running.group() == [])


@pytest.mark.parametrize("wrong", [["extra"], ["--no-such-option"], ["-w", "many"]])
def test_wrong_usage_is_told_by_gunicorn(localshop, wrong):
    ended = localshop.run("run_gunicorn", *wrong)
    assert ended.code == 2
    assert "usage: localshop run_gunicorn" in ended.err


def test_it_does_not_serve_an_older_database(tmp_path):
    """Like every command, it says what to do first."""
    assert "localshop init" in CommandLine(tmp_path / "nothing").bad("run_gunicorn")


@pytest.mark.parametrize(
    "command",
    [
        ("gunicorn", "-k", "uvicorn_worker.UvicornWorker", "-b", "127.0.0.1:0", "localshop.asgi"),
        ("uvicorn", "--port", "0", "localshop.asgi:application"),
        ("celery", "-A", "localshop", "worker", "-P", "solo"),
    ],
    ids=["gunicorn", "uvicorn", "celery"],
)
def test_other_programs_do_not_start_with_an_older_database_either(localshop, command):
    """Old tables are read wrongly, whoever starts us; and the upgrade itself must go on to work."""
    localshop.database.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    program, *options = command
    ended = subprocess.run(
        [Path(sys.executable).with_name(program), *options],
        env=localshop.environ(LOCALSHOP_BROKER_URL="redis+socket:///nowhere"),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode != 0
    assert "`localshop upgrade`" in ended.stderr + ended.stdout
