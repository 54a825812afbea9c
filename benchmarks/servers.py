"""The servers that are measured: localshop, nginx as the measure of what is possible, and two peers.

Each is given a directory of its own and is up once it is made; ``end`` ends it.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from processes import Running, ask, clean_environ, environment, free_port, until_it_answers, version_of

JSON = "application/vnd.pypi.simple.v1+json"
WORKERS = 2

_NGINX = """
daemon off;
{user}
worker_processes {workers};
pid {place}/pid;
error_log {place}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    gzip_static on;
    default_type application/octet-stream;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        root {place}/root;
        location /page.json {{ default_type {type}; add_header Cache-Control "private, no-cache"; }}
    }}
}}
"""


_CACHE = """
    proxy_cache_path {place}/cache keys_zone=files:10m max_size=2g;
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        location / {{
            proxy_pass {upstream};
            proxy_http_version 1.1;
            proxy_cache files;
            proxy_cache_lock on;
            proxy_cache_lock_timeout 60s;
            proxy_cache_lock_age 60s;
            proxy_cache_valid 200 1h;
        }}
    }}
"""


class Upstream:
    """The fake index, in a process of its own."""

    def __init__(self, place, *counts):
        program = Path(__file__).with_name("upstream.py")
        self._running = Running(
            sys.executable, program, *counts, log=place / "upstream.log", stdin=subprocess.PIPE
        )
        urls = json.loads(self._running.line_with("{"))
        self.json, self.html = urls["json"], urls["html"]

    def end(self):
        self._running.process.stdin.close()
        self._running.end()


class Far:
    """The fake index with a tree of packages, as far away as one likes; see ``far.py``."""

    def __init__(self, place, **options):
        program = Path(__file__).with_name("far.py")
        given = [f"--{name}={value}" for name, value in options.items()]
        self._running = Running(sys.executable, program, *given, log=place / "far.log", stdin=subprocess.PIPE)
        told = json.loads(self._running.line_with("{"))
        self.url, self.base, self.paths = told["url"], told["base"], told["paths"]

    def count(self, pattern):
        """How many requests it has seen for paths that match."""
        self._running.process.stdin.write(f"count {pattern}\n")
        self._running.process.stdin.flush()
        return json.loads(self._running.process.stdout.readline())

    def end(self):
        self._running.process.stdin.close()
        self._running.end()


class Localshop(Running):
    """``localshop serve`` on SQLite, or as ``environ`` says.

    Every address needs credentials, unless it is ``open_to_all``.
    """

    name = "localshop"

    def __init__(self, place, *, upstream=None, workers=WORKERS, jobs=True, open_to_all=False, environ=None):
        home = place / "localshop"
        self.environ = {"LOCALSHOP_HOME": str(home), **(environ or {})}
        if upstream is not None:
            self.environ["LOCALSHOP_UPSTREAM_URL"] = upstream
        self.program = Path(sys.executable).with_name("localshop")
        options = ["--bind", "127.0.0.1:0", "--workers", str(workers), *([] if jobs else ["--no-jobs"])]
        log = place / "localshop.log"
        super().__init__(self.program, "serve", *options, env=self.environ, log=log)
        said = self.line_with("pip install -i ")
        self.base = re.search(r"(http://\S+?)/repo/default/", said)[1]
        self.headers = {}
        if open_to_all:
            return
        # On a new installation whoever sits on this machine may read without credentials.
        for network in ("127.0.0.0/8", "::1/128"):
            self.command("cidr", "remove", "default", network)
        made = self.command("credential", "create", "--repository", "default")
        self.headers = {"Authorization": self.basic(made["access_key"], made["secret_key"])}

    @staticmethod
    def basic(name, secret):
        return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()

    def command(self, *arguments):
        """Run ``localshop … --json`` and give what it says."""
        command = [self.program, *arguments, "--json"]
        return json.loads(subprocess.check_output(command, env=clean_environ(**self.environ), cwd="/"))

    def page(self, project, repository="default"):
        return f"{self.base}/repo/{repository}/{project}/"


class Nginx(Running):
    """nginx with files in its root."""

    name = "nginx"

    def __init__(self, place):
        place = place / "nginx"
        self.root = place / "root"
        self.root.mkdir(parents=True)
        port = free_port()
        # As root it would serve as somebody who cannot enter here.
        user = "user root;" if os.getuid() == 0 else ""
        text = _NGINX.format(user=user, place=place, port=port, type=JSON, workers=WORKERS)
        self._begin(place, port, text)

    def _begin(self, place, port, text):
        (place / "nginx.conf").write_text(text)
        program = _nginx()
        super().__init__(program, "-p", place, "-c", place / "nginx.conf", log=place / "log")
        self.base = f"http://127.0.0.1:{port}"
        until_it_answers(self.base)
        said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
        self.version = said.strip().rpartition("/")[2]

    def hold(self, name, body, *, compressed=None):
        """Serve these bytes; ``compressed``: the same as gzip, for those who accept it."""
        (self.root / name).write_bytes(body)
        if compressed is not None:
            assert gzip.decompress(compressed) == body
            (self.root / f"{name}.gz").write_bytes(compressed)
        return f"{self.base}/{name}"


class NginxCache(Nginx):
    """nginx as a cache in front of an upstream: one fetch for all who wait (``proxy_cache_lock``)."""

    def __init__(self, place, *, upstream):
        place = place / "nginx-cache"
        (place / "root").mkdir(parents=True)
        port, unused = free_port(), free_port()
        user = "user root;" if os.getuid() == 0 else ""
        text = _NGINX.format(user=user, place=place, port=unused, type=JSON, workers=WORKERS)
        cache = _CACHE.format(place=place, port=port, upstream=upstream)
        self._begin(place, port, text.rstrip().removesuffix("}") + cache + "}\n")


class Proxpi(Running):
    """proxpi under gunicorn, started as its container image does it; no access log, which is for it."""

    name = "proxpi"

    def __init__(self, place, *, upstream):
        programs = environment("proxpi", "proxpi", "gunicorn")
        port = free_port()
        super().__init__(
            *(programs / "gunicorn", "--preload", "--logger-class", "proxpi.server._GunicornLogger"),
            *("--bind", f"127.0.0.1:{port}", "--threads", "2", "proxpi.server:app"),
            env={"PROXPI_INDEX_URL": upstream},
            log=place / "proxpi.log",
        )
        self.base = f"http://127.0.0.1:{port}"
        until_it_answers(self.base)
        self.version = f"{version_of(programs, 'proxpi')} on gunicorn {version_of(programs, 'gunicorn')}"

    def page(self, project):
        return f"{self.base}/index/{project}/"


class Devpi(Running):
    """devpi-server with its root/pypi index, a mirror, pointed at the upstream."""

    name = "devpi"

    def __init__(self, place, *, upstream):
        programs = environment("devpi", "devpi-server")
        port, home = free_port(), place / "devpi"
        subprocess.run(
            [programs / "devpi-init", "--serverdir", home, "--root-passwd", "benchmark"],
            env=clean_environ(),
            stdout=subprocess.DEVNULL,
            check=True,
        )
        super().__init__(
            *(programs / "devpi-server", "--serverdir", home, "--host", "127.0.0.1", "--port", port),
            log=place / "devpi.log",
        )
        # It logs to its standard output, which nobody reads; the pipe must not fill up.
        self.process.stdout.close()
        self.base = f"http://127.0.0.1:{port}"
        until_it_answers(self.base)
        self._point_at(upstream)
        self.version = version_of(programs, "devpi-server")

    def page(self, project):
        return f"{self.base}/root/pypi/+simple/{project}/"

    def _point_at(self, upstream):
        login = json.dumps({"user": "root", "password": "benchmark"}).encode()
        token = json.loads(ask(f"{self.base}/+login", data=login)[2])["result"]["password"]
        pair = base64.b64encode(f"root:{token}".encode()).decode()
        # The fake index has pages, but no list of them.
        change = json.dumps([f"mirror_url={upstream}", "mirror_no_project_list=True"]).encode()
        headers = {"X-Devpi-Auth": pair, "Content-Type": "application/json"}
        status, _, body = ask(f"{self.base}/root/pypi", headers, data=change, method="PATCH")
        assert status == 200, body


def _nginx():
    """Where it is: Debian keeps it where only root looks."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
