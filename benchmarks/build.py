"""The first build of a large page: from the upstream's bytes to the answer, in CPU of our own.

Each time another repository asks for the project, so that nothing of it is known. The upstream is
another process, whose CPU does not count. The server has built a small page before, as any server
that has been running for a minute.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from processes import ask, conditions, median, table

from servers import JSON, Localshop, Upstream

TURNS = 5
FILES = 5_000
WANTED = {"Accept": JSON, "Accept-Encoding": "gzip"}


def main():
    with tempfile.TemporaryDirectory(prefix="localshop-benchmark-") as name, ExitStack() as ending:
        place = Path(name)
        upstream = Upstream(place, 1, FILES)
        ending.callback(upstream.end)
        shop = Localshop(place, workers=1, jobs=False)
        ending.callback(shop.end)
        print(conditions())
        print()
        found = {form: [] for form in ("json", "html")}
        for turn in range(TURNS):
            for form, measured in found.items():
                repository = f"{form}-{turn}"
                shop.command("repository", "create", repository, "--upstream", getattr(upstream, form))
                build(shop, repository, "sample-1")
                measured.append(build(shop, repository, f"sample-{FILES}"))
        print(report(found))


def build(shop, repository, project):
    """Seconds of CPU, and of patience, for a page that has never been asked for."""
    before, began = shop.cpu(), time.perf_counter()
    status, _, body = ask(shop.page(project, repository), shop.headers | WANTED)
    took = time.perf_counter() - began
    assert status == 200, body
    return shop.cpu() - before, took


def report(found):
    head = [f"First page of {FILES:,} files, upstream answers", "CPU ms", "of all turns", "answered after ms"]
    rows = []
    for form, measured in found.items():
        used = sorted(cpu * 1e3 for cpu, _ in measured)
        took = median(took * 1e3 for _, took in measured)
        rows.append([form.upper(), f"{median(used):.0f}", f"{used[0]:.0f} to {used[-1]:.0f}", f"{took:.0f}"])
    return table(head, rows)


if __name__ == "__main__":
    main()
