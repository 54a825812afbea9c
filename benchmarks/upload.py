"""Uploads of small wheels, one after the other and many at a time, side by side with two peers.

For each way the servers take turns, in an order that is reversed each time; every upload is of a file
that the server has never seen, and one page is looked at before the turn counts. pypiserver stores
what comes as it comes; localshop and devpi compare digests and read names, and localshop examines the
whole file and has it on the disk before it answers.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from processes import (
    Running,
    ask,
    conditions,
    environment,
    free_port,
    median,
    table,
    until_it_answers,
    version_of,
)

from servers import Devpi, Localshop, Upstream

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from distributions import wheel
from upload_form import upload_of

TURNS = 3
UPLOADS = 200
SIZE = 20_000
PROJECTS = 20
AT_ONCE = 16
_numbers = itertools.count(1)


class Publishing(Localshop):
    """localshop with a credential that may upload."""

    def __init__(self, place):
        # No name is asked for that was not uploaded, so it needs no upstream.
        super().__init__(place)
        self.command("repository", "edit", "default", "--no-upstream")
        made = self.command("credential", "create", "--upload")
        self.url = f"{self.base}/repo/default/"
        self.authorization = basic(made["access_key"], made["secret_key"])


class Stage(Devpi):
    """devpi with an index of its own that has no other below it."""

    def __init__(self, place, *, upstream):
        super().__init__(place, upstream=upstream)
        login = json.dumps({"user": "root", "password": "benchmark"}).encode()
        token = json.loads(ask(f"{self.base}/+login", data=login)[2])["result"]["password"]
        self.authorization = basic("root", token)
        pair = self.authorization.removeprefix("Basic ")
        made = json.dumps({"type": "stage", "bases": [], "volatile": False}).encode()
        headers = {"X-Devpi-Auth": pair, "Content-Type": "application/json"}
        status, _, body = ask(f"{self.base}/root/own", headers, data=made, method="PUT")
        assert status == 200, body
        self.url = f"{self.base}/root/own/"

    def page(self, project):
        return f"{self.base}/root/own/+simple/{project}/"


class Pypiserver(Running):
    """pypiserver on the best server that it finds, which is waitress, taking uploads from everybody."""

    name = "pypiserver"

    def __init__(self, place):
        programs = environment("pypiserver", "pypiserver", "waitress")
        port = free_port()
        packages = place / "pypiserver"
        packages.mkdir()
        options = ("--interface", "127.0.0.1", "--port", port, "--passwords", ".", "--authenticate", ".")
        super().__init__(
            *(programs / "pypi-server", "run", *options, packages),
            log=place / "pypiserver.log",
        )
        self.base = f"http://127.0.0.1:{port}"
        until_it_answers(self.base)
        self.url, self.authorization = f"{self.base}/", basic("anybody", "")
        self.version = version_of(programs, "pypiserver")

    def page(self, project):
        return f"{self.base}/simple/{project}/"


def main():
    with tempfile.TemporaryDirectory(prefix="localshop-benchmark-") as name, ExitStack() as ending:
        place = Path(name)

        def started(server):
            ending.callback(server.end)
            return server

        upstream = started(Upstream(place, 1))
        servers = [
            started(Publishing(place)),
            started(Stage(place, upstream=upstream.json)),
            started(Pypiserver(place)),
        ]
        print(conditions(**{each.name: each.version for each in servers[1:]}))
        print()
        for what, at_once in (("one after the other", 1), (f"{AT_ONCE} at a time", AT_ONCE)):
            print(
                report(f"{UPLOADS} uploads of {SIZE:,} bytes, {what}", measure(servers, at_once)), flush=True
            )


def measure(servers, at_once):
    """For each server the turns: the time of each upload, of all of them, and of CPU, in seconds."""
    turns = {server.name: [] for server in servers}
    for server in servers:
        turn(server, at_once)
    for number in range(TURNS):
        for server in servers[:: -1 if number % 2 else 1]:
            turns[server.name].append(turn(server, at_once))
    return turns


def turn(server, at_once):
    """Upload new files, and see that they are there."""
    serial = next(_numbers)
    sent = [wheel(f"demo-{each % PROJECTS}", f"{serial}.{each}", size=SIZE) for each in range(UPLOADS)]
    forms = [upload_of(each) for each in sent]
    local, kept = threading.local(), []

    def upload(form):
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
            kept.append(local.connection)
        headers, body = form
        begun = time.perf_counter()
        local.connection.request("POST", server.url, body, {**headers, "Authorization": server.authorization})
        answer = local.connection.getresponse()
        said = answer.read()
        assert answer.status == 200, (server.name, answer.status, said)
        return time.perf_counter() - begun

    before, begun = server.cpu(), time.perf_counter()
    with ThreadPoolExecutor(at_once) as threads:
        times = list(threads.map(upload, forms))
    whole, used = time.perf_counter() - begun, server.cpu() - before
    for connection in kept:
        connection.close()
    page = ask(server.page(sent[-1].normalised), {"Authorization": server.authorization})[2].decode()
    assert sent[-1].filename in page, server.name
    return times, whole, used


def report(what, found):
    rates = {name: UPLOADS / median(whole for _, whole, _ in turns) for name, turns in found.items()}
    rows = [
        [
            name,
            f"{middle(turns) * 1e3:.1f}",
            f"{percentile(turns) * 1e3:.1f}",
            f"{rates[name]:,.0f}",
            f"{median(used for *_, used in turns) / UPLOADS * 1e3:.1f}",
            "" if name == "localshop" else f"{rates['localshop'] / rates[name]:.2f} times this",
        ]
        for name, turns in found.items()
    ]
    return table([what, "median ms", "p99 ms", "uploads/s", "CPU ms/upload", "localshop's rate"], rows)


def middle(turns):
    return median(median(times) for times, *_ in turns)


def percentile(turns):
    """p99 of all uploads of all turns."""
    return statistics.quantiles([each for times, *_ in turns for each in times], n=100)[98]


def basic(name, secret):
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


if __name__ == "__main__":
    main()
