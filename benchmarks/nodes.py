"""Out of one machine: nodes beside each other, jobs by Celery, and a crowd on PostgreSQL.

- One node and two, each with one web process that is pinned to one core, on one PostgreSQL: how many
  pages they answer, each under the load of a wrk of its own.
- 2,000 small files that are asked for one after the other: until all of them are here, by eight
  processes of Celery, and by `localshop worker`.
- 64 uv at once, on PostgreSQL; `install` has the same on SQLite.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from install import AWAY, CROWD, CROWD_PACKAGES, Uv
from processes import Running, ask, clean_environ, conditions, median, table
from services import PostgreSQL, Redis
from wrk import load

from servers import JSON, Far, Localshop, Upstream

TURNS = 3
SECONDS = 4
FILES = 2000
ASKING = 8
WORKERS = 8
WANTED = {"Accept": JSON, "Accept-Encoding": "gzip"}


class Worker(Running):
    """A command that does jobs, for the home of a ``shop``."""

    def __init__(self, shop, *command, log):
        super().__init__(shop.program, *command, env=shop.environ, log=log)
        self.log = log


@contextmanager
def place_for():
    """A directory for one measurement, and what ends its servers with it."""
    with tempfile.TemporaryDirectory(prefix="localshop-benchmark-") as place, ExitStack() as ending:

        def started(server):
            ending.callback(server.end)
            return server

        yield Path(place), started


def pages(database):
    """Requests a second and CPU of one node and of two."""
    found = {"one node": [], "two nodes": []}
    with place_for() as (place, started):
        upstream = started(Upstream(place, 100))
        url, nodes = database.url("pages"), []
        for number in range(2):
            (place / str(number)).mkdir()
            environ = {"LOCALSHOP_DATABASE_URL": url, "LOCALSHOP_SECRET_KEY": "benchmark" * 6}
            node = started(
                Localshop(
                    place / str(number),
                    upstream=upstream.json,
                    workers=1,
                    jobs=False,
                    open_to_all=True,
                    environ=environ,
                )
            )
            for pid in node.pids():
                os.sched_setaffinity(pid, {sorted(os.sched_getaffinity(0))[number % os.cpu_count()]})
            nodes.append(node)
            assert ask(node.page("sample-100"), WANTED)[0] == 200
        for turn in range(2 * TURNS):
            some = nodes[: 1 + turn % 2]
            with ThreadPoolExecutor(len(some)) as threads:
                loads = [
                    *threads.map(
                        lambda node: load(node, node.page("sample-100"), WANTED, seconds=SECONDS), some
                    )
                ]
            found["one node" if len(some) == 1 else "two nodes"].append(
                (
                    sum(one.rate for one in loads),
                    max(one.p99 for one in loads),
                    median(one.cpu for one in loads),
                )
            )
    head = [
        "Page of 100 files, PostgreSQL, a node = 1 web process on 1 core",
        "requests/s",
        "p99 ms",
        "CPU µs",
    ]
    rows = [
        [
            what,
            f"{median(one[0] for one in measured):,.0f}",
            f"{median(one[1] for one in measured):.1f}",
            f"{median(one[2] for one in measured):.1f}",
        ]
        for what, measured in found.items()
    ]
    return table(head, rows)


def mirror(database, name, *command, broker=""):
    """Ask for all files of a project, and wait until they are here."""
    with place_for() as (place, started):
        upstream = started(Upstream(place, FILES))
        environ = {"LOCALSHOP_DATABASE_URL": database.url(name)}
        if broker:
            environ["LOCALSHOP_BROKER_URL"] = broker
        shop = started(
            Localshop(place, upstream=upstream.json, jobs=False, open_to_all=True, environ=environ)
        )
        worker = started(Worker(shop, *command, log=place / "worker.log"))
        page = ask(shop.page(f"sample-{FILES}"), {"Accept": JSON})[2]

        paths = [file["url"] for file in json.loads(page)["files"]]
        before, began = worker.cpu(), time.perf_counter()
        with ThreadPoolExecutor(ASKING) as threads:
            list(
                threads.map(
                    lambda part: redirected(shop.base, part), [paths[n::ASKING] for n in range(ASKING)]
                )
            )
        asked = time.perf_counter() - began
        shop.command("jobs", "wait", "--timeout", "600")
        took = time.perf_counter() - began
        assert ask(shop.base + paths[-1])[0] == 200
        used = worker.cpu() - before
        memory = sum(worker.pss().values())
    return [
        f"{asked:.1f}",
        f"{took:.1f}",
        f"{FILES / took:.0f}",
        f"{used / FILES * 1e3:.1f}",
        f"{memory:.0f}",
    ]


def redirected(base, paths):
    """Ask for each, on one connection: none is here, so each is a redirect and a job."""
    client = http.client.HTTPConnection(urlsplit(base).netloc, timeout=60)
    for path in paths:
        client.request("GET", path)
        answer = client.getresponse()
        answer.read()
        assert answer.status in {200, 302}, answer.status
    client.close()


def jobs(database):
    rows = []
    with place_for() as (place, started):
        redis = started(Redis(place))
        celery = ("celeryd", "-B", "-E", "-c", str(WORKERS))
        rows.append([f"Celery, {WORKERS} processes", *mirror(database, "c1", *celery, broker=redis.url)])
        rows.append(
            [
                f"Celery, {WORKERS} threads",
                *mirror(database, "c2", *celery, "-P", "threads", broker=redis.url),
            ]
        )
        rows.append(["localshop worker", *mirror(database, "c3", "worker")])
    head = [
        f"{FILES:,} small files, PostgreSQL",
        "all asked for, s",
        "all here, s",
        "files/s",
        "CPU ms a file",
        "MB (PSS)",
    ]
    return table(head, rows)


def crowd(database):
    """Many uv at once, on a localshop that has never heard of what they want."""
    with place_for() as (place, started):
        uv = Uv(place)
        far = started(Far(place, away=AWAY, tree=CROWD_PACKAGES))
        environ = {"LOCALSHOP_DATABASE_URL": database.url("crowd")}
        shop = started(Localshop(place, upstream=far.url, open_to_all=True, environ=environ))
        began = time.perf_counter()
        with ThreadPoolExecutor(CROWD) as threads:
            ended = [*threads.map(uv.install, [f"{shop.base}/repo/default/"] * CROWD)]
        took = time.perf_counter() - began
        failed = [said for _, said in ended if said]
        print(*failed[:3], sep="\n", file=sys.stderr)
        row = ["PostgreSQL", len(failed), f"{took:.1f}", f"{shop.cpu():.1f}"]
    return table(
        [f"{CROWD} uv at once, {CROWD_PACKAGES} packages, cold", "failed", "seconds", "CPU s"], [row]
    )


def main():
    database = PostgreSQL()
    try:
        redis = subprocess.check_output(
            ["redis-server", "--version"], text=True, env=clean_environ()
        ).split()[2]
        print(conditions(PostgreSQL=database.version, Redis=redis.removeprefix("v=")))
        for measure in (pages, jobs, crowd):
            print()
            print(measure(database), flush=True)
    finally:
        database.end()


if __name__ == "__main__":
    main()
