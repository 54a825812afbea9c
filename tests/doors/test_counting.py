"""What the processes of ``serve`` count and write down: together, whichever answers, and kept at the end."""

from __future__ import annotations

import http.client
import json
import os
import signal

from prometheus_client.parser import text_string_to_metric_families

from distributions import wheel
from servers import serve, until

TOKEN = "watch-me-well"
AGENT = {"User-Agent": "pip/25.1", "Connection": "close"}


def ask(running, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    connection.request("GET", path, headers=AGENT | headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def lists_counted(running):
    """How many requests for the project list all processes together have answered."""
    status, body = ask(running, "/-/metrics", Authorization=f"Bearer {TOKEN}")
    assert status == 200
    return sum(
        sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if sample.name == "localshop_requests_total" and sample.labels["door"] == "list"
    )


def lists_written_down(home):
    """The same, as far as they have written it down: that is what they leave when they are killed."""
    found = 0
    for path in (home / "metrics").glob("*.json"):
        for name, labels, value in json.loads(path.read_bytes())["counts"]:
            found += value if name == "requests_total" and dict(labels)["door"] == "list" else 0
    return found


def test_all_processes_are_counted_the_killed_ones_included(localshop, upstream):
    """And who downloaded what is there after the end."""
    held = upstream.add(wheel("demo", "1.0"))
    with serve(localshop, LOCALSHOP_UPSTREAM_URL=upstream.url, LOCALSHOP_METRICS_TOKEN=TOKEN) as running:
        for _ in range(40):
            assert ask(running, "/repo/default/")[0] == 200
        until(lambda: lists_written_down(localshop.home) == 40)
        assert lists_counted(running) == 40
        os.kill(running.web_processes()[0], signal.SIGKILL)
        for _ in range(10):
            assert ask(running, "/repo/default/")[0] == 200
        until(lambda: lists_counted(running) == 50)
        assert ask(running, f"/repo/default/{held.distribution.path}")[0] in {200, 302}
        running.stop()
    counted = localshop.good(
        "shell",
        "-v0",
        "-c",
        "from localshop.catalog import downloads; "
        "print([(one.installer, one.amount) for one in downloads.who('default', 'demo', most=9)])",
    )
    assert "[('pip', 1)]" in counted.out
