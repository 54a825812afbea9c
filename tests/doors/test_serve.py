"""``serve`` and ``worker`` as real processes: they come up, stay up, and end without losing anything."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

import servers
from command_line import CommandLine
from distributions import wheel
from servers import PATIENCE, Running, until


@pytest.fixture
def started(localshop, upstream):
    """Start ``localshop`` with these arguments; whatever is still there at the end is killed."""
    all_of_them = []

    def start(*arguments, **environ):
        running = Running(localshop, *arguments, LOCALSHOP_UPSTREAM_URL=upstream.url, **environ)
        all_of_them.append(running)
        return running

    yield start
    for running in all_of_them:
        running.kill()


@pytest.fixture
def serve(started):
    """A running ``serve`` with two web processes, on a home of its own."""

    def start(*more, **environ):
        running = started("serve", "--bind", "127.0.0.1:0", "--workers", "2", *more, **environ)
        running.wait_until_it_serves()
        return running

    return start


@contextmanager
def slow_download(running, url):
    """A client that has begun to read a file; gives a function that reads it to its end."""
    port = int(running.url.rpartition(":")[2])
    with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as client:
        client.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        begin = client.recv(1000)
        assert begin.startswith(b"HTTP/1.1 200 "), begin

        def rest():
            answer = begin
            while data := client.recv(1 << 16):
                answer += data
            return answer.partition(b"\r\n\r\n")[2]

        yield rest


def parts(localshop):
    return [path for path in (localshop.home / "files" / ".tmp").glob("*.part") if path.stat().st_size]


def test_an_empty_home_is_set_up_and_served_with_one_command(tmp_path, upstream):
    """The password is shown this once; whoever does not get it cannot get in."""
    upstream.add(wheel("Demo", "1.0"))
    with servers.serve(CommandLine(tmp_path / "none"), LOCALSHOP_UPSTREAM_URL=upstream.url) as running:
        assert re.search(r"^index +http://127\.0\.0\.1:\d+/repo/default/$", running.said, re.MULTILINE)
        assert re.search(r"^user +admin$", running.said, re.MULTILINE)
        assert re.search(r"^password +\w{20} ", running.said, re.MULTILINE)
        with ThreadPoolExecutor(8) as clients:
            answers = list(clients.map(running.get, ["/repo/default/demo/"] * 40))
    assert {status for status, _ in answers} == {200}
    assert len({body for _, body in answers}) == 1
    assert upstream.count("/simple/demo/") == 1


def test_a_second_start_shows_no_password(serve):
    first = serve()
    first.process.terminate()
    assert first.ended() == (0, [])
    second = serve()
    assert "password" not in second.said
    assert "user" not in second.said
    assert second.get("/repo/default/")[0] == 200


def test_the_supervisor_holds_no_thread_and_no_database(serve):
    """A fork would copy both in the middle of what they do: deadlocks, and a corrupt database."""
    running = serve()
    until(lambda: len(running.children()) == 3)
    assert len(list(Path(f"/proc/{running.pid}/task").iterdir())) == 1
    open_files = [str(fd.readlink()) for fd in Path(f"/proc/{running.pid}/fd").iterdir()]
    assert not [name for name in open_files if "sqlite3" in name]
    # One to listen on, and the two ends by which its signals come; none that leads to a database.
    assert len([name for name in open_files if name.startswith("socket:")]) == 3


def test_a_port_that_is_taken_is_told_before_anything_is_made(tmp_path):
    localshop = CommandLine(tmp_path / "home")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        sentence = localshop.bad("serve", "--bind", f"127.0.0.1:{port}")
    assert f"127.0.0.1:{port}" in sentence
    assert "`localshop init`" in localshop.bad("repository", "list")


@pytest.mark.parametrize(
    "wrong", [("--bind", "8000"), ("--bind", "[::1:8000"), ("--workers", "0"), ("--workers", "two")]
)
def test_wrong_usage_is_told(localshop, wrong):
    assert wrong[1] in localshop.bad("serve", *wrong, code=2)


def test_a_database_of_an_older_localshop_is_not_served(localshop):
    localshop.good("init")
    localshop.database.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    assert "localshop upgrade" in localshop.bad("serve", "--bind", "127.0.0.1:0")


def test_it_listens_on_ipv6_too(started):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    running = started("serve", "--bind", "[::1]:0", "--workers", "1", "--no-jobs")
    running.wait_until_it_serves()
    assert running.url.startswith("http://[::1]:")
    assert running.get("/repo/default/")[0] == 200


@pytest.mark.parametrize("whom", ["supervisor", "group"])
def test_a_running_download_is_finished_before_it_ends(serve, localshop, upstream, whom):
    """Ctrl-C reaches the whole group; a service manager tells the first process only."""
    held = upstream.add(wheel("Demo", "1.0", size=2_000_000))
    running = serve()
    localshop.good("repository", "edit", "default", "--miss", "stream")
    url = running.file_url("demo")
    upstream.fault("/packages/*.whl", drip=2_000_000)
    with slow_download(running, url) as rest:
        if whom == "group":
            os.killpg(running.pid, signal.SIGINT)
        else:
            running.process.terminate()
        assert rest() == held.body
    assert running.ended() == (0, [])
    assert parts(localshop) == []


def test_a_second_signal_ends_it_at_once(serve, localshop, upstream):
    held = upstream.add(wheel("Demo", "1.0", size=3_000_000))
    running = serve()
    localshop.good("repository", "edit", "default", "--miss", "stream")
    url = running.file_url("demo")
    upstream.fault("/packages/*.whl", drip=30_000)
    with slow_download(running, url) as rest:
        running.process.terminate()
        time.sleep(0.7)
        running.process.send_signal(signal.SIGINT)
        assert running.ended() == (0, [])
        with suppress(ConnectionResetError):
            assert len(rest()) < len(held.body)


def test_a_web_process_that_was_killed_is_started_again(serve):
    running = serve()
    killed, _ = until(lambda: running.web_processes() if len(running.job_processes()) == 1 else [])
    os.kill(killed, signal.SIGKILL)
    assert {running.get("/repo/default/")[0] for _ in range(20)} == {200}
    until(lambda: len(running.web_processes()) == 2 and killed not in running.children())
    assert "SIGKILL" in running.log.read_text()


def test_a_job_process_that_was_killed_in_a_download_goes_on_with_it(serve, localshop, upstream):
    """Not a byte of a part is ever served, and what has come is not fetched again."""
    held = upstream.add(wheel("Demo", "1.0", size=2_000_000))
    running = serve()
    url = running.file_url("demo")
    upstream.fault("/packages/*.whl", drip=200_000, times=1)
    assert running.get(url)[0] == 302
    until(lambda: parts(localshop))
    (killed,) = running.job_processes()
    os.kill(killed, signal.SIGKILL)
    assert running.get(url)[0] == 302
    # As if the time of its lease had gone by.
    localshop.database.execute("UPDATE catalog_job SET lease_until = 0, doubted = TRUE")
    status, body = until(lambda: (answer := running.get(url))[0] != 302 and answer)
    assert (status, body) == (200, held.body)
    requests = [seen for seen in upstream.seen("/packages/*.whl") if seen.method == "GET"]
    assert ["Range" in seen.headers for seen in requests] == [False, True]
    localshop.good("jobs", "wait", "--timeout", "20")


def test_nothing_stays_behind_when_the_supervisor_is_killed(serve):
    """Else the port stays taken, and the next start fails."""
    running = serve()
    until(lambda: len(running.children()) == 3)
    running.process.kill()
    running.process.wait(PATIENCE)
    until(lambda: running.group() == [])


def test_jobs_can_be_done_by_a_process_of_their_own(serve, started, localshop, upstream):
    held = upstream.add(wheel("Demo", "1.0"))
    running = serve("--no-jobs")
    until(lambda: len(running.children()) == 2)
    url = running.file_url("demo")
    assert running.get(url)[0] == 302
    worker = started("worker")
    status, body = until(lambda: (answer := running.get(url))[0] != 302 and answer)
    assert (status, body) == (200, held.body)
    worker.process.terminate()
    assert worker.ended() == (0, [])


def test_a_worker_that_is_ended_finishes_its_job_first(serve, started, localshop, upstream):
    held = upstream.add(wheel("Demo", "1.0", size=1_000_000))
    running = serve("--no-jobs")
    url = running.file_url("demo")
    upstream.fault("/packages/*.whl", drip=300_000, times=1)
    running.get(url)
    worker = started("worker")
    until(lambda: parts(localshop))
    worker.process.terminate()
    assert worker.ended() == (0, [])
    assert running.get(url) == (200, held.body)


def test_a_process_that_cannot_start_is_given_up():
    """Starting it for ever would hide from the service manager that nothing is served."""
    program = (
        "from localshop.cli.supervisor import Child, let_signals_through, supervise\n"
        "from localshop.errors import LocalshopError\n"
        "import sys, time\n"
        "idle = lambda: let_signals_through() or time.sleep(60)\n"
        "try:\n"
        "    supervise([Child('web 1', lambda: 3), Child('idle', idle)])\n"
        "except LocalshopError as error:\n"
        "    sys.exit(error.sentence)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "web 1" in ended.stderr
