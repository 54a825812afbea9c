"""``localshop serve`` and ``localshop worker`` as real processes, each in a process group of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE = 30
"""Seconds after which something that should happen is held not to."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Running:
    """A command that stays."""

    program = (sys.executable, "-W", "error", "-m", "localshop")

    def __init__(self, localshop, *arguments, **environ):
        self.log = localshop.home.parent / f"{arguments[0]}.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*self.program, *arguments],
                env=localshop.environ(**environ),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.pid = self.process.pid
        self.said = ""
        self.url = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def wait_until_it_serves(self):
        while "pip install" not in self.said:
            line = self.process.stdout.readline()
            assert line, self.log.read_text()
            self.said += line
        self.url = re.search(r"pip install -i (https?://\S+)/repo/default/ <package>", self.said)[1]

    def get(self, path, *, accept="*/*"):
        """The status and the body; redirects are not followed."""
        request = urllib.request.Request(self.url + path, headers={"Accept": accept})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
        try:
            with opener.open(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def file_url(self, project):
        """The URL of the first file in a project's page."""
        status, body = self.get(f"/repo/default/{project}/", accept="application/vnd.pypi.simple.v1+json")
        assert status == 200, self.log.read_text()
        return json.loads(body)["files"][0]["url"]

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    def children(self):
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def job_processes(self):
        return [pid for pid in self.children() if os.getpriority(os.PRIO_PROCESS, pid) >= 10]

    def web_processes(self):
        return [pid for pid in self.children() if pid not in self.job_processes()]

    def group(self):
        """Every process that it started and that is still there."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(group) == self.pid and state != "Z":
                found.append(int(stat.parent.name))
        return found

    def ended(self):
        """Wait for its end; its exit code, and what is left of its group."""
        code = self.process.wait(PATIENCE)
        return code, self.group()

    def stop(self):
        """End it as a service manager would, and insist that it does so in good order."""
        self.process.terminate()
        assert self.ended() == (0, []), self.log.read_text()

    def kill(self):
        """Let nothing stay behind, whatever state it is in."""
        for pid in self.group():
            os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.process.stdout.close()


def serve(localshop, *more, **environ):
    """A running ``serve`` with two web processes on a free port."""
    running = Running(localshop, "serve", "--bind", "127.0.0.1:0", "--workers", "2", *more, **environ)
    try:
        running.wait_until_it_serves()
    except BaseException:
        running.kill()
        raise
    return running


def until(condition, *, patience=PATIENCE):
    """Wait for something to become true, and give it."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found
