"""A page that nobody has ever asked for: how much later it comes through localshop than from its upstream.

Each project has 20 files, as most have. The upstream is 30 ms away; both it and localshop are asked over
a connection that is open already, one project after the other, each a new one.
"""

from __future__ import annotations

import http.client
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from processes import conditions, median, table

from servers import JSON, Far, Localshop

AWAY = 0.03
PROJECTS = 200
WARMING = 20


def main():
    with ExitStack() as ending:
        place = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="localshop-benchmark-")))
        far = Far(place, away=AWAY, pages=PROJECTS)
        ending.callback(far.end)
        shop = Localshop(place, upstream=far.url, open_to_all=True, workers=1)
        ending.callback(shop.end)
        print(conditions())
        print()
        times = {}
        for what, base in (("upstream", far.url), ("localshop", f"{shop.base}/repo/default/")):
            before = shop.cpu()
            times[what] = sorted(looks(base))
            cpu = shop.cpu() - before
        print(report(times, cpu))


def looks(base):
    """Milliseconds for each page, but for those at the beginning, when connections are made."""
    parts = urlsplit(base)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    headers = {"Accept": JSON, "Accept-Encoding": "gzip"}
    took = []
    for number in range(PROJECTS):
        began = time.perf_counter()
        connection.request("GET", f"{parts.path}page-{number}/", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        took.append((time.perf_counter() - began) * 1e3)
        assert answer.status == 200, body
    connection.close()
    return took[WARMING:]


def report(times, cpu):
    head = [f"{PROJECTS - WARMING} pages never seen, 20 files each, upstream {AWAY * 1e3:.0f} ms away"]
    rows = [[what, f"{median(each):.1f}", f"{each[len(each) * 9 // 10]:.1f}"] for what, each in times.items()]
    more = median(times["localshop"]) - median(times["upstream"])
    rows.append(["through localshop later by", f"{more:.1f}", ""])
    rows.append(["CPU of localshop for each", f"{cpu / PROJECTS * 1e3:.1f}", ""])
    return table([*head, "median ms", "nine of ten ms"], rows)


if __name__ == "__main__":
    main()
