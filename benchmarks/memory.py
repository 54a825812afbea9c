"""Memory of ``localshop serve``: a supervisor, two web processes and one that does jobs.

PSS: what processes share is counted once, in equal parts.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from processes import ask, conditions, table

from servers import JSON, WORKERS, Localshop, Upstream

SETTLING = 5
PAGES = 200


def main():
    with tempfile.TemporaryDirectory(prefix="localshop-benchmark-") as name, ExitStack() as ending:
        place = Path(name)
        upstream = Upstream(place, 100)
        ending.callback(upstream.end)
        shop = Localshop(place, upstream=upstream.json)
        ending.callback(shop.end)
        print(conditions())
        print()
        time.sleep(SETTLING)
        rows = [row("idle", shop)]
        for _ in range(PAGES):
            status, _, body = ask(shop.page("sample-100"), shop.headers | {"Accept": JSON})
            assert status == 200, body
        rows.append(row(f"idle, after {PAGES} requests for a page", shop))
        print(
            table([f"PSS in MB, {WORKERS} web processes", "together", "largest process", "processes"], rows)
        )


def row(what, shop):
    pss = shop.pss()
    return [what, f"{sum(pss.values()):.0f}", f"{max(pss.values()):.0f}", len(pss)]


if __name__ == "__main__":
    main()
