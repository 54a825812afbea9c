"""Debian's nginx on loopback, with a configuration that stands in our documentation.

with Nginx(place, text, user="www-data") as nginx:      # text: what goes into "http { … }"
    nginx.passed()                                      # [Passed("GET", "/repo/default/", 200, …), …]
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from servers import PATIENCE, until

PROGRAM = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
CERTIFICATE = Path(__file__).with_name("loopback.pem")


@dataclass(frozen=True)
class Passed:
    """One request as nginx saw it; ``size`` it sent, of which ``from_us`` came from localshop."""

    method: str
    path: str
    status: int
    size: int
    from_us: int
    protocol: str


def free_port():
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Nginx:
    """Runs as long as its context is open."""

    def __init__(self, place, text, *, port, user=None):
        if PROGRAM is None:
            pytest.skip("nginx is not there: scripts/test installs it.")
        self._log = place / "access.log"
        self._errors = place / "error.log"
        self._file = place / "nginx.conf"
        self._port = port
        temporary = "\n".join(
            f"{kind}_temp_path {place}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self._file.write_text(
            textwrap.dedent(
                f"""
                daemon off;
                pid {place}/nginx.pid;
                {f"user {user};" if user else ""}
                error_log {self._errors} warn;
                worker_processes 1;
                events {{ }}
                http {{
                log_format tests '$request_method $request_uri $status $body_bytes_sent '
                                 '"$upstream_response_length" $server_protocol';
                access_log {self._log} tests;
                """
            )
            + f"{temporary}\n{text}\n}}\n"
        )

    def __enter__(self):
        command = [PROGRAM, "-c", self._file, "-e", self._errors, "-p", self._file.parent]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(self._answers)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(PATIENCE)

    def passed(self, end=""):
        """What has passed, in order of its ends, whose path ends so."""
        found = [line.split() for line in self._log.read_text().splitlines()]
        return [
            Passed(
                method,
                path,
                int(status),
                int(size),
                int(from_us.strip('"').split(",")[-1].strip("-") or 0),
                protocol,
            )
            for method, path, status, size, from_us, protocol in found
            if path.endswith(end)
        ]

    def forget(self):
        os.truncate(self._log, 0)

    def _answers(self):
        assert self._process.poll() is None, self._errors.read_text()
        context = ssl.create_default_context(cafile=CERTIFICATE)
        try:
            with socket.create_connection(("127.0.0.1", self._port), 5) as plain:
                context.wrap_socket(plain, server_hostname="127.0.0.1").close()
        except OSError:
            return False
        return True
