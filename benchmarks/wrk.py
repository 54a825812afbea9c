"""Load by wrk: 32 connections from one thread, for a few seconds."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 32

# wrk tells what it has counted only to a script.
_REPORT = """
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '\\n{"requests": %d, "microseconds": %d, "bytes": %d, "p50": %d, "p99": %d, "errors": %d}\\n',
        summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
        e.connect + e.read + e.write + e.status + e.timeout
    ))
end
"""


@dataclass(frozen=True)
class Load:
    """What came of it. ``cpu``: microseconds of the server's CPU, all its processes, for each request."""

    requests: int
    rate: float
    p50: float
    p99: float
    cpu: float


def load(running, url, headers, *, seconds, connections=CONNECTIONS):
    """Ask for this as often as it goes; latencies in milliseconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_REPORT)
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script.name]
        command += [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        before = running.cpu()
        said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
        used = running.cpu() - before
    counted = json.loads(said.strip().rpartition("\n")[2])
    if counted["errors"] or not counted["requests"]:
        raise SystemExit(f"{Path(url).name} of {running.name}: not what was asked for.\n{said}")
    return Load(
        requests=counted["requests"],
        rate=counted["requests"] / counted["microseconds"] * 1e6,
        p50=counted["p50"] / 1e3,
        p99=counted["p99"] / 1e3,
        cpu=used / counted["requests"] * 1e6,
    )
