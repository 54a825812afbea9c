"""What it costs to give out a stored file, by the way that its bytes take.

Our own sending, through nginx and not; nginx sending from the disk by ``X-Accel-Redirect``; and files in
S3, streamed and by signed links. nginx is configured as our documentation says, but without TLS, which
would cost the same in each. S3 is moto's server in a process of its own, which is not counted: in Python,
it is slower than any real one.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from processes import Running, ask, conditions, free_port, median, table, until_it_answers

# Behind our own: both have a servers.py.
sys.path.append(str(Path(__file__).parents[1] / "tests"))

from wrk import load

from distributions import wheel
from documented import blocks, exchange
from servers import Localshop
from upload_form import upload_of

TURNS = 3
SECONDS = 2
SIZES = (20_000, 50_000_000)
_MOTO = "from object_store import ObjectStore\nimport json, sys\nwith ObjectStore() as store:\n"
_MOTO += "    print(json.dumps(store.bucket().options), flush=True)\n    sys.stdin.read()\n"


class Serving(Localshop):
    """localshop with two files, by any way."""

    def __init__(self, place, name, **environ):
        self.name = name
        place = place / re.sub(r"\W+", "-", name)
        place.mkdir()
        super().__init__(place, open_to_all=True, environ=environ)
        made = self.command("credential", "create", "--upload")
        pair = {"Authorization": self.basic(made["access_key"], made["secret_key"])}
        self.paths = {}
        for size in SIZES:
            one = wheel(f"demo-{size}", "1.0", size=size)
            headers, body = upload_of(one)
            status, _, said = ask(f"{self.base}/repo/default/", {**headers, **pair}, data=body)
            assert status == 200, said
            self.paths[size] = f"/repo/default/{one.path}"


class Proxied:
    """One behind nginx: both of them cost."""

    def __init__(self, serving, name, place, *, files=None):
        self._serving, self.name, self.paths = serving, name, serving.paths
        place = place / "nginx" / ("sends" if files else "passes")
        place.mkdir(parents=True)
        port = free_port()
        self._nginx = Running(
            *("/usr/sbin/nginx", "-e", place / "error.log", "-p", place),
            *("-c", _configuration(place, port, serving.base.removeprefix("http://"), files)),
            log=place / "log",
        )
        self.base = f"http://127.0.0.1:{port}"
        until_it_answers(self.base)

    def cpu(self):
        return self._serving.cpu() + self._nginx.cpu()

    def end(self):
        self._nginx.end()


def main():
    with tempfile.TemporaryDirectory(prefix="localshop-benchmark-") as name, ExitStack() as ending:
        place = Path(name)

        def started(server):
            ending.callback(server.end)
            return server

        moto = started(
            Running(
                *(sys.executable, "-c", _MOTO),
                log=place / "moto.log",
                env={"PYTHONPATH": str(Path(__file__).parents[1] / "tests")},
                stdin=subprocess.PIPE,
            )
        )
        ending.callback(moto.process.stdin.close)
        ways = list(_ways(place, started, moto.line_with("{").strip()))
        print(conditions())
        for size in SIZES:
            # A real server would be quicker, but the CPU is ours.
            print(f"\n{report(size, measure(ways, size))}", flush=True)


def _ways(place, started, options):
    own = started(Serving(place, "localshop", LOCALSHOP_TRUSTED_PROXIES="127.0.0.1"))
    yield own
    yield started(Proxied(own, "through nginx", place))
    accel = {"LOCALSHOP_ACCEL_LOCATION": "/-/stored", "LOCALSHOP_TRUSTED_PROXIES": "127.0.0.1"}
    sent = started(Serving(place, "nginx sends", **accel))
    yield started(Proxied(sent, "nginx sends", place, files=place / "nginx-sends/localshop/files"))
    far = {"LOCALSHOP_DISTRIBUTION_STORAGE": "storages.backends.s3.S3Storage"}
    far["LOCALSHOP_STORAGE_OPTIONS"] = options
    yield started(Serving(place, "S3, streamed", **far))
    yield started(Serving(place, "S3, by links", **far, LOCALSHOP_FILE_DELIVERY="redirect"))


def measure(ways, size):
    """For each way what its turns cost, in microseconds of CPU for each request, and how many there were."""
    turns = {way.name: [] for way in ways}
    for number in range(TURNS + 1):
        for way in ways[:: -1 if number % 2 else 1]:
            # Few connections: moto's server holds all that it sends in memory.
            found = load(way, way.base + way.paths[size], {}, seconds=SECONDS, connections=8)
            # The first is for getting warm.
            turns[way.name] += [found] if number else []
    return turns


def report(size, turns):
    cheapest = min(median(one.cpu for one in found) for found in turns.values())
    rows = [
        [
            name,
            f"{median(one.cpu for one in found):,.0f}",
            f"{median(one.cpu for one in found) / cheapest:.1f}",
            f"{median(one.rate for one in found):,.0f}",
        ]
        for name, found in turns.items()
    ]
    return table([f"A file of {size:,} bytes", "CPU µs/request", "ratio", "requests/s"], rows)


def _configuration(place, port, address, files):
    whole, _, sending = blocks("how-to/behind-nginx.md", "nginx")
    whole = exchange(whole, "server 127.0.0.1:8000", f"server {address}")
    whole = whole[: whole.index("server {\n    listen 80")] + whole[whole.index("server {\n    # nginx") :]
    whole = exchange(whole, "listen 443 ssl http2", f"listen 127.0.0.1:{port}")
    whole = re.sub(r"\n    ssl_\w+ [^;]+;", "", whole)
    if files is not None:
        end = whole.rindex("}")
        whole = whole[:end] + exchange(sending, "/srv/localshop/files/", f"{files}/") + whole[end:]
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {place}/{kind};" for kind in kinds)
    file = place / "nginx.conf"
    file.write_text(
        f"daemon off; pid {place}/pid; worker_processes 2; user root; events {{ }}\n"
        f"http {{ access_log off; keepalive_requests 100000000; {temporary}\n{whole}\n}}\n"
    )
    return file


if __name__ == "__main__":
    main()
