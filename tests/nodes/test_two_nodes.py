"""Two nodes on one PostgreSQL, one Redis and one storage, behind the balancer of the documentation."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import ClassVar

import pytest
from django.conf import settings
from django.db import connection

import brokers
from command_line import CommandLine
from databases import postgresql_only
from distributions import wheel
from documented import blocks, exchange
from installers import Pip, Uv
from localshop import config
from localshop.catalog import credentials
from localshop.catalog.models import Blob, File
from nginx import CERTIFICATE, Nginx, free_port
from object_store import ObjectStore
from publishers import Twine
from servers import Running, serve, until
from upload_form import upload_of

pytestmark = [
    pytest.mark.skipif(brokers.PROGRAM is None, reason="needs redis-server; scripts/test gets it"),
    postgresql_only("no two nodes have one SQLite"),
]


class Celeryd(Running):
    """Celery's worker, which warns of root."""

    program = (sys.executable, "-m", "localshop")


class Disk:
    """A storage of both nodes: one directory, as if it were mounted on each."""

    environ: ClassVar = {}

    def __init__(self, place):
        self._place = place
        place.mkdir()

    def give(self, home):
        (home / "files").symlink_to(self._place)

    def bodies(self):
        stored = [path for path in self._place.rglob("*") if path.is_file() and ".tmp" not in path.parts]
        return [path.read_bytes() for path in stored]


class ObjectStorage:
    """A storage of both nodes: one bucket, as if it were in S3."""

    def __init__(self, bucket):
        self._bucket = bucket
        self.environ = {
            "LOCALSHOP_DISTRIBUTION_STORAGE": "storages.backends.s3.S3Storage",
            "LOCALSHOP_STORAGE_OPTIONS": json.dumps(bucket.options),
        }

    def give(self, home):
        """Nothing of it lies in a home."""

    def bodies(self):
        return [*self._bucket.objects().values()]


class Node:
    """A machine: web processes and a worker of Celery, on a home of its own."""

    def __init__(self, place, storage, environ):
        self.localshop = CommandLine(place / "home")
        self.localshop.home.mkdir(parents=True)
        storage.give(self.localshop.home)
        self._environ = environ
        self._bind = "127.0.0.1:0"
        self.start()

    def start(self):
        self.web = serve(self.localshop, "--bind", self._bind, **self._environ)
        # Where it was before, since the balancer knows it there.
        self._bind = f"127.0.0.1:{self.web.port}"
        self.worker = Celeryd(
            self.localshop, "celeryd", "-B", "-E", "-P", "threads", "-c", "2", **self._environ
        )

    def kill(self):
        """As when the power fails: nobody is told, nothing is finished."""
        for running in (self.web, self.worker):
            for pid in running.group():
                os.kill(pid, signal.SIGKILL)
            running.kill()


@pytest.fixture
def pair(repository):
    made, secret = credentials.create_credential(repositories=[repository.slug], upload=True)
    return made.access_key, secret


@pytest.fixture(params=["disk"])
def storage(request, tmp_path):
    """What both nodes keep files in; ``disk``, or ``s3`` for who asks for it."""
    if request.param == "disk":
        yield Disk(tmp_path / "shared")
        return
    with ObjectStore() as objects:
        yield ObjectStorage(objects.bucket())


@pytest.fixture
def nodes(repository, storage, tmp_path):
    """Two of them, running."""
    place = tempfile.mkdtemp(prefix="localshop-redis-")
    with brokers.Redis(place) as redis, ExitStack() as stack:
        environ = {
            "LOCALSHOP_DATABASE_URL": config.current().database_url,
            "LOCALSHOP_SECRET_KEY": settings.SECRET_KEY,
            "LOCALSHOP_BROKER_URL": redis.url,
            "LOCALSHOP_TRUSTED_PROXIES": "127.0.0.1",
            **storage.environ,
        }
        both = []
        for name in ("one", "two"):
            both.append(Node(tmp_path / name, storage, environ))
            stack.callback(both[-1].kill)
        yield both
    shutil.rmtree(place)
    connection.close()


@pytest.fixture
def balancer(nodes, tmp_path):
    """The URL of nginx, as the documentation configures it, in front of both."""
    (text,) = blocks("how-to/several-nodes.md", "nginx")
    port, tls = free_port(), free_port()
    for example, node in zip(("10.0.0.11:8000", "10.0.0.12:8000"), nodes, strict=True):
        text = exchange(text, example, f"127.0.0.1:{node.web.port}")
    # The second one is for our helper, which asks whether nginx is there, and does so over TLS.
    keys = f"ssl_certificate {CERTIFICATE}; ssl_certificate_key {CERTIFICATE};"
    text = exchange(text, "listen 80;", f"listen 127.0.0.1:{port}; listen 127.0.0.1:{tls} ssl; {keys}")
    place = tmp_path / "nginx"
    place.mkdir()
    with Nginx(place, text, port=tls, user="root" if os.getuid() == 0 else None):
        yield f"http://127.0.0.1:{port}"


def upload(node, pair, distribution):
    client = http.client.HTTPConnection("127.0.0.1", node.web.port, timeout=30)
    headers, body = upload_of(distribution)
    headers["Authorization"] = "Basic " + b64encode(":".join(pair).encode()).decode()
    client.request("POST", "/repo/default/", body, headers)
    answer = client.getresponse()
    said = answer.status, answer.read()
    client.close()
    return said


def test_a_change_is_seen_by_the_other_node_at_once(nodes, pair):
    """A pipeline that publishes through one node and installs through the other must not fail."""
    for number in range(12):
        here, there = nodes[number % 2], nodes[1 - number % 2]
        one = wheel("ours", f"1.{number}")
        # What it remembers of the page, and of the name, is of before.
        there.web.get("/repo/default/ours/")
        assert upload(here, pair, one)[0] == 200
        # Each of its processes, since none knows what the other has heard.
        for _ in range(4):
            status, page = there.web.get("/repo/default/ours/")
            assert (status, one.filename in page.decode()) == (200, True)
        assert there.web.get(f"/repo/default/{one.path}") == (200, one.body)


@contextmanager
def kept_at(*works):
    """Do each of these over and over until the end; gives a function that waits until each got on."""
    done, ending = [0] * len(works), threading.Event()

    def keep(index):
        while not ending.is_set():
            works[index](done[index])
            done[index] += 1

    with ThreadPoolExecutor(len(works)) as threads:
        running = [threads.submit(keep, index) for index in range(len(works))]

        def get_on():
            before = list(done)
            # An error of one of them ends the waiting, and is raised below.
            until(
                lambda: (
                    all(a > b for a, b in zip(done, before, strict=True)) or any(r.done() for r in running)
                )
            )

        try:
            yield get_on
        finally:
            ending.set()
        for each in running:
            each.result()


@pytest.mark.parametrize("storage", ["disk", "s3"], indirect=True)
def test_no_client_notices_that_a_node_is_killed_and_comes_back(
    nodes, balancer, storage, pair, upstream, tmp_path
):
    """No install fails after the client's own retries, no upload is lost, and no file is there twice."""
    index = f"{balancer}/repo/default/"
    held = [upstream.add(wheel(f"theirs-{number}", "1.0", size=100_000)) for number in range(4)]
    wanted = [each.distribution.project for each in held]
    pip, uv, twine = (client(tmp_path / client.__module__ / client.__name__) for client in (Pip, Uv, Twine))
    published = []

    def install(client, *options, **environ):
        def work(_number):
            client.new_environment()
            client.forget_cache()
            ended = client.install(index, *options, *wanted, **environ)
            assert ended.code == 0, ended
            assert len(client.installed) == len(wanted)

        return work

    def publish(number):
        one = wheel("mine", f"1.{number}", size=50_000)
        twine.holds(one)
        ended = twine.publish(index, *pair)
        if ended.code:
            # It was cut; whoever sees that does it again.
            ended = twine.publish(index, *pair)
        assert ended.code == 0, ended
        published.append(one)

    # As many retries as these two make where nobody says otherwise.
    with kept_at(install(pip, "--retries=5"), install(uv, UV_HTTP_RETRIES="3"), publish) as get_on:
        for node in nodes:
            get_on()
            node.kill()
            get_on()
            node.start()
        get_on()
    for node in nodes:
        page = node.web.get("/repo/default/mine/")[1].decode()
        assert sorted(page.count(f">{one.filename}<") for one in published) == [1] * len(published)
        assert [node.web.get(f"/repo/default/{one.path}") for one in published] == [
            (200, one.body) for one in published
        ]
    nodes[0].localshop.good("jobs", "wait", "--timeout", "60", **nodes[0]._environ)
    _stored_once(storage, [*published, *(each.distribution for each in held)])


def _stored_once(storage, distributions):
    """Each of them has one row, one blob and one file in the storage, with the right bytes."""
    digests = sorted(hashlib.sha256(one.body).hexdigest() for one in distributions)
    assert sorted(File.objects.values_list("filename", flat=True)) == sorted(
        one.filename for one in distributions
    )
    assert sorted(Blob.objects.values_list("sha256", flat=True)) == digests
    assert sorted(hashlib.sha256(body).hexdigest() for body in storage.bodies()) == digests
