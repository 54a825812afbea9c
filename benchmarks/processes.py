"""Processes that a benchmark starts, and ends: what they cost in CPU time and in memory."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PATIENCE = 60
"""Seconds after which something that should happen is held not to."""


class Running:
    """A program in a session of its own, with all that it starts."""

    def __init__(self, *command, log, env=None, stdin=subprocess.DEVNULL):
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                env=clean_environ(**(env or {})),
                cwd="/",
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                start_new_session=True,
            )
        self.log = log

    def line_with(self, text):
        """Read what it says up to the line that has this text."""
        for line in self.process.stdout:
            if text in line:
                return line
        raise SystemExit(f"{self.process.args[0]} ended too soon; {self.log} says why.")

    def pids(self):
        """All processes of its session."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
                if int(session) == self.process.pid and state != "Z":
                    found.append(int(stat.parent.name))
        return found

    def cpu(self):
        """Seconds of CPU that all of them have used so far, to the nanosecond."""
        # A process's CPU clock, as clock_getcpuclockid(3) numbers it; /proc knows hundredths only.
        return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in self.pids()) / 1e9

    def pss(self):
        """MB of memory of each of them, by pid; what they share is counted in equal parts (PSS)."""
        rollups = {pid: Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.pids()}
        return {pid: int(text.split("\nPss:")[1].split()[0]) / 1024 for pid, text in rollups.items()}

    def end(self):
        """End it, in good order if it can, and let nothing of it stay behind."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.process.stdout.close()


def clean_environ(**more):
    """Our environment without anybody's settings."""
    theirs = ("LOCALSHOP_", "DJANGO_", "PIP_FIND_LINKS", "PROXPI_", "DEVPI_")
    ours = {name: value for name, value in os.environ.items() if not name.upper().startswith(theirs)}
    return {name: value for name, value in ours.items() if not name.lower().endswith("_proxy")} | more


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def environment(name, *requirements):
    """The programs of a peer, in a virtual environment of its own; the newest, if it is not there yet."""
    place = Path(__file__).parents[1] / ".cache/bench" / name
    if not (place / "installed").exists():
        print(f"Installing {name} in {place} ...", file=sys.stderr)
        env = clean_environ(PIP_CONFIG_FILE=os.devnull)
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        pip = [place / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *requirements], check=True, env=env)
        (place / "installed").touch()
    return place / "bin"


def version_of(programs, package):
    said = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.check_output([programs / "python", "-c", said], text=True).strip()


def ask(url, headers=None, *, data=None, method=None):
    """One request: status, headers, body. No proxy, no redirect to anywhere else."""
    request = urllib.request.Request(url, headers=headers or {}, data=data, method=method)
    try:
        with _opener.open(request, timeout=PATIENCE) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def until_it_answers(url):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask(url)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def conditions(**versions):
    """What the figures depend on, as a sentence for the report."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        "an unknown processor",
    )
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    said = "".join(f"{name} {version}, " for name, version in versions.items())
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{time.strftime('%Y-%m-%d')}, {cpu}, {os.cpu_count()} cores, load {load}, "
        f"Python {sys.version.split()[0]}, {said}localshop at {commit or 'no commit'}."
    )


def median(values):
    return statistics.median(list(values))


def table(head, rows):
    """A table in Markdown."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def _lines(path):
    return Path(path).read_text().splitlines()
