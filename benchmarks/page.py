"""Pages and files from the shelf, side by side with nginx and two peers, under load.

For each case the servers take turns, in an order that is reversed each time; a figure is the median
of three turns. What each server answers is compared with what it should be before it is measured.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urljoin

import uvicorn
from processes import ask, conditions, median, table
from wrk import CONNECTIONS, Load, load

from servers import JSON, Devpi, Localshop, Nginx, Proxpi, Upstream

TURNS = 3
SECONDS = 3
FILES = 100
PROJECT = f"sample-{FILES}"
WANTED = {"Accept": JSON, "Accept-Encoding": "gzip"}


class Case:
    """One thing that is asked for: of each server its URL and the headers of the request."""

    def __init__(self, what, *, servers, status=200, connections=CONNECTIONS):
        self.what, self.status, self.connections = what, status, connections
        self.asked = list(servers)

    def check(self):
        """All answer with this status; localshop and nginx with the same bytes."""
        bodies = set()
        for server, url, headers in self.asked:
            status, _, body = ask(url, headers)
            assert status == self.status, (server.name, url, status, body)
            if server.name in {"localshop", "nginx"}:
                bodies.add(body)
            elif self.status == 200:
                assert body, (server.name, url)
        assert len(bodies) == 1, self.what

    def measure(self):
        self.check()
        turns = {server.name: [] for server, _, _ in self.asked}
        for server, url, headers in self.asked:
            self._load(server, url, headers, seconds=1)
        for turn in range(TURNS):
            for server, url, headers in self.asked[:: -1 if turn % 2 else 1]:
                turns[server.name].append(self._load(server, url, headers, seconds=SECONDS))
        return {name: _median(loads) for name, loads in turns.items()}

    def _load(self, server, url, headers, *, seconds):
        return load(server, url, headers, seconds=seconds, connections=self.connections)


def main():
    with tempfile.TemporaryDirectory(prefix="localshop-benchmark-") as name, ExitStack() as ending:
        place = Path(name)

        def started(server):
            ending.callback(server.end)
            return server

        upstream = started(Upstream(place, FILES))
        shop = started(Localshop(place, upstream=upstream.json))
        nginx = started(Nginx(place))
        proxpi = started(Proxpi(place, upstream=upstream.json))
        devpi = started(Devpi(place, upstream=upstream.json))
        versions = {each.name: each.version for each in (nginx, proxpi, devpi)}
        print(conditions(uvicorn=uvicorn.__version__, **versions))
        print()
        for case in cases(shop, nginx, proxpi, devpi):
            print(report(case.what, case.measure()), flush=True)


def cases(shop, nginx, proxpi, devpi):
    """The page, then what else there is; files are brought here first."""
    shop.command("repository", "edit", "default", "--miss", "stream")
    asked = shop.headers | WANTED
    page = shop.page(PROJECT)
    _, known, packed = ask(page, asked)
    plain = gzip.decompress(packed)
    static = nginx.hold("page.json", plain, compressed=packed)
    _, known_to_nginx, _ = ask(static, WANTED)
    yield Case(
        f"Project page, {FILES} files, JSON, gzip ({len(packed):,} bytes)",
        servers=[
            (shop, page, asked),
            (nginx, static, WANTED),
            (proxpi, proxpi.page(PROJECT), WANTED),
            (devpi, devpi.page(PROJECT), WANTED),
        ],
    )
    yield Case(
        "The same, not modified (304)",
        status=304,
        servers=[
            (shop, page, asked | {"If-None-Match": known["ETag"]}),
            (nginx, static, WANTED | {"If-None-Match": known_to_nginx["ETag"]}),
        ],
    )
    wheel = _first_file(shop, page)
    big = _first_file(shop, shop.page("big"))
    for what, url, connections in (
        ("Wheel", wheel, CONNECTIONS),
        ("METADATA of a wheel", f"{wheel}.metadata", CONNECTIONS),
        ("File", big, 4),
    ):
        status, _, body = ask(url, shop.headers)
        assert status == 200, (url, status, body)
        static = nginx.hold(what.split()[0], body)
        servers = [(shop, url, shop.headers), (nginx, static, {})]
        yield Case(f"{what}, {len(body):,} bytes", servers=servers, connections=connections)


def report(what, found):
    """A table of what was measured."""
    nginx = found["nginx"]
    head = [what, "requests/s", "p50 ms", "p99 ms", "CPU µs/request", "CPU : nginx", "localshop's rate"]
    rows = [
        [
            name,
            f"{each.rate:,.0f}",
            f"{each.p50:.2f}",
            f"{each.p99:.2f}",
            f"{each.cpu:,.1f}",
            f"{each.cpu / nginx.cpu:.2f}",
            "" if name == "localshop" else f"{found['localshop'].rate / each.rate:.2f} times this",
        ]
        for name, each in found.items()
    ]
    return table(head, rows)


def _median(loads):
    return Load(
        **{
            field: median(getattr(each, field) for each in loads)
            for field in ("requests", "rate", "p50", "p99", "cpu")
        }
    )


def _first_file(shop, page):
    """The URL of the first file on a page."""
    files = json.loads(ask(page, shop.headers | {"Accept": JSON})[2])["files"]
    return urljoin(page, files[0]["url"])


if __name__ == "__main__":
    main()
