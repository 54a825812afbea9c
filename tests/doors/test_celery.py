"""Jobs done by Celery, as real processes with a real Redis: whatever dies or forgets, no job is lost."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest

import brokers
from distributions import wheel
from servers import PATIENCE, Running, serve, until

pytestmark = pytest.mark.skipif(brokers.PROGRAM is None, reason="needs redis-server; scripts/test gets it")


class Celeryd(Running):
    """Celery's worker, which warns of root and the like: no warning of it is an error."""

    program = (sys.executable, "-m", "localshop")


class Hurried(Celeryd):
    """Running jobs are given half a second when it ends."""

    lines = (
        "import sys",
        "from localshop.jobs import ending",
        "ending.GRACE = 0.5",
        "from localshop.__main__ import main",
        "sys.exit(main())",
    )
    program = (sys.executable, "-c", "\n".join(lines))


@pytest.fixture
def redis():
    place = tempfile.mkdtemp(prefix="localshop-redis-")
    with brokers.Redis(place) as running:
        yield running
    shutil.rmtree(place)


@pytest.fixture
def environ(upstream, redis):
    return {"LOCALSHOP_UPSTREAM_URL": upstream.url, "LOCALSHOP_BROKER_URL": redis.url}


@pytest.fixture
def serving(localshop, environ):
    with serve(localshop, **environ) as running:
        yield running


@pytest.fixture
def celeryd(localshop, environ):
    """Start ``celeryd`` with beat and events, and two jobs at once."""
    started = []

    def start(*options, kind=Celeryd):
        started.append(kind(localshop, "celeryd", "-B", "-E", "-c", "2", *options, **environ))
        return started[-1]

    yield start
    for each in started:
        each.kill()


def ready(worker):
    """Wait until a worker takes messages."""
    until(lambda: "ready." in worker.log.read_text())
    return worker


def ask_for(running, held):
    """Ask for a file; the client is sent upstream, and a job is to fetch it."""
    url = running.file_url(held.distribution.normalised)
    assert running.get(url)[0] == 302
    return url


def until_it_is_here(running, url, held):
    # Celery waits longer and longer before it tries a broker again, and starts slowly on a busy machine.
    status, body = until(lambda: (answer := running.get(url))[0] != 302 and answer, patience=90)
    assert (status, body) == (200, held.body)


def leases_run_out(localshop):
    """As if the time of all leases had gone by."""
    localshop.database.execute("UPDATE catalog_job SET lease_until = 0, doubted = TRUE")


def parts(localshop):
    return [path for path in (localshop.home / "files" / ".tmp").glob("*.part") if path.stat().st_size]


def test_a_message_is_an_id_and_lost_ones_are_found(serving, celeryd, redis, localshop, upstream):
    """A Redis that was flushed, or restarted without a file, must not cost anybody a file."""
    held = upstream.add(wheel("Demo", "1.0"))
    url = ask_for(serving, held)
    assert serving.job_processes() == []
    (message,) = re.findall(rb'"body": ?"([^"]+)"', until(lambda: _waiting(redis)))
    (job_id,), keywords, _ = json.loads(base64.b64decode(message))
    assert (type(job_id), keywords) == (int, {})
    redis.ask("FLUSHALL")
    worker = celeryd()
    until_it_is_here(serving, url, held)
    # And again, while it runs, and has messages for which it has no hands yet: it must notice that its
    # queue is another one, and live on.
    ready(worker)
    upstream.fault("/packages/*.whl", hang=True)
    more = [upstream.add(wheel(f"More-{number}", "1.0")) for number in range(4)]
    urls = [ask_for(serving, each) for each in more]
    # Two are at work; how many it has taken besides depends on what beat has sent meanwhile.
    until(lambda: upstream.count("/packages/*/more_*") >= 2)
    until(lambda: redis.ask("HLEN", "unacked") != b":0\r\n")
    redis.stop()
    late = upstream.add(wheel("Late", "1.0"))
    urls.append(ask_for(serving, late))
    redis.start()
    upstream.heal()
    for url, each in zip(urls, [*more, late], strict=True):
        until_it_is_here(serving, url, each)
    localshop.good("jobs", "wait", "--timeout", "20", LOCALSHOP_BROKER_URL=redis.url)
    worker.process.terminate()
    assert worker.ended() == (0, []), worker.log.read_text()


def test_a_worker_that_is_killed_in_a_job_loses_nothing(serving, celeryd, localshop, upstream):
    """The next one goes on where it was cut; nothing of what was killed stays behind."""
    held = upstream.add(wheel("Demo", "1.0", size=2_000_000))
    upstream.fault("/packages/*.whl", drip=200_000, times=1)
    worker = ready(celeryd())
    url = ask_for(serving, held)
    until(lambda: parts(localshop))
    for pid in worker.group():
        os.kill(pid, signal.SIGKILL)
    worker.process.wait(PATIENCE)
    leases_run_out(localshop)
    celeryd()
    until_it_is_here(serving, url, held)
    requests = [seen for seen in upstream.seen("/packages/*.whl") if seen.method == "GET"]
    assert ["Range" in seen.headers for seen in requests] == [False, True]


def test_beat_ends_with_the_worker_that_was_killed(celeryd, localshop, environ):
    """Else each crash would leave one more process that sends messages for ever."""
    localshop.good("init", **environ)
    worker = ready(celeryd())
    until(lambda: len(worker.group()) == 4)
    worker.process.kill()
    worker.process.wait(PATIENCE)
    until(lambda: worker.group() == [])


def test_beat_that_was_killed_alone_comes_back(celeryd, localshop, environ):
    """Else lost messages, further attempts and what comes back every hour would wait for ever, unseen."""
    localshop.good("init", **environ)
    # Then beat is its only child.
    worker = ready(celeryd("-P", "threads"))
    (beat,) = worker.children()
    os.kill(beat, signal.SIGKILL)
    until(lambda: worker.children() not in ([], [beat]))
    assert "The beat process is gone" in worker.log.read_text()
    # The new one ends with its worker, like the one before it.
    worker.process.terminate()
    assert worker.ended() == (0, []), worker.log.read_text()


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_job_that_takes_too_long_to_end_is_given_back(serving, celeryd, localshop, upstream, pool):
    """Else whoever stops the worker kills it, and the job waits until its lease has run out."""
    held = upstream.add(wheel("Demo", "1.0", size=2_000_000))
    upstream.fault("/packages/*.whl", drip=50_000, times=1)
    worker = ready(celeryd("-P", pool, kind=Hurried))
    ask_for(serving, held)
    until(lambda: parts(localshop))
    worker.process.terminate()
    assert worker.ended() == (0, []), worker.log.read_text()
    assert "Traceback" not in worker.log.read_text()
    (job,) = (each for each in localshop("jobs", "list") if each["name"] == "mirror-file")
    # So the next worker that looks begins it.
    assert (job["state"], job["attempts"]) == ("waiting", 0)


def test_without_a_broker_that_answers_requests_are_answered_as_ever(serving, redis, upstream):
    held = [upstream.add(wheel(f"demo-{number}", "1.0")) for number in range(5)]
    for each in held:
        serving.file_url(each.distribution.normalised)
    redis.stop()
    begin = time.monotonic()
    for each in held:
        ask_for(serving, each)
    # One try to reach it takes two seconds; no request waits for that.
    assert time.monotonic() - begin < PATIENCE / 3
    until(lambda: "broker-unreachable" in serving.log.read_text())


def test_celery_can_be_started_by_its_own_command(serving, localshop, environ, upstream):
    """Many run `celery -A localshop worker` from a unit of systemd that they have already."""

    class Celery(Running):
        program = (str(Path(sys.executable).with_name("celery")),)

    held = upstream.add(wheel("Demo", "1.0"))
    options = ("-A", "localshop", "worker", "-P", "threads", "-c", "2")
    with Celery(localshop, *options, **environ) as worker:
        ready(worker)
        url = ask_for(serving, held)
        until_it_is_here(serving, url, held)
        worker.process.terminate()
        assert worker.ended() == (0, []), worker.log.read_text()


def test_without_a_broker_celeryd_is_the_worker_that_needs_none(localshop, upstream, celeryd, environ):
    del environ["LOCALSHOP_BROKER_URL"]
    held = upstream.add(wheel("Demo", "1.0"))
    with serve(localshop, "--no-jobs", **environ) as running:
        url = ask_for(running, held)
        worker = celeryd()
        until_it_is_here(running, url, held)
        worker.stop()


def test_a_broker_without_celery_is_told_of(localshop, tmp_path):
    """Else each request that asks for a job would fail with an error that nobody understands."""
    hidden = (
        "import importlib.util as util\n"
        "real = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name == 'celery' else real(name, package)\n"
    )
    (tmp_path / "sitecustomize.py").write_text(hidden)
    sentence = localshop.bad("init", LOCALSHOP_BROKER_URL="redis://x", PYTHONPATH=str(tmp_path))
    assert "localshop[celery]" in sentence


def _waiting(redis):
    """The messages in the queue, as Redis tells them."""
    found = redis.ask("LRANGE", "localshop", "0", "-1")
    return found if b"body" in found else b""
