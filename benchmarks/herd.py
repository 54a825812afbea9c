"""Many clients at once for one large file that nobody has yet, and one very large file for one client.

localshop in the mode ``stream``, with two web processes, beside nginx's proxy cache with
``proxy_cache_lock``, which is made for this. Every client reads its answer to the end and checks its
length. The servers take turns; a file is never asked for twice.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from processes import conditions, median, table

from servers import Far, Localshop, NginxCache

CLIENTS = 32
TURNS = 3
_PIECE = 1 << 18


async def client(base, path):
    """Seconds until the first byte of the body, and until the last one; bytes."""
    parts = urlsplit(base)
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=_PIECE)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: herd\r\nConnection: close\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        first = size = 0
        while piece := await reader.read(_PIECE):
            first = first or time.perf_counter() - began
            size += len(piece)
        return first, time.perf_counter() - began, size
    finally:
        writer.close()


async def herd(base, path):
    return await asyncio.gather(*[client(base, path) for _ in range(CLIENTS)])


def main():
    with ExitStack() as ending:
        place = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="localshop-benchmark-")))

        def started(server):
            ending.callback(server.end)
            return server

        far = started(Far(place, big=2 * TURNS, huge=1))
        shop = started(Localshop(place, upstream=far.url, open_to_all=True))
        shop.command("repository", "edit", "default", "--miss", "stream")
        nginx = started(NginxCache(place, upstream=far.base))
        print(conditions(nginx=nginx.version))
        print()
        names = iter(sorted(name for name in far.paths if name.startswith("big-")))
        found = {"localshop": [], "nginx, proxy_cache_lock": []}
        for turn in range(TURNS):
            for server in (shop, nginx)[:: -1 if turn % 2 else 1]:
                path = far.paths[next(names)]
                url = f"/repo/default/{path}" if server is shop else f"/{path}"
                before = server.cpu()
                came = asyncio.run(herd(server.base, url))
                assert len({size for _, _, size in came}) == 1, came
                what = "localshop" if server is shop else "nginx, proxy_cache_lock"
                row = max(one for one, _, _ in came), max(last for _, last, _ in came)
                found[what].append((*row, server.cpu() - before, far.count(f"/{path}")))
        print(report(found), flush=True)
        print(grown(shop, far))


def report(found):
    head = [
        f"{CLIENTS} clients at once, a file of 50 MB that is not here",
        *("last first byte ms", "last done ms", "CPU ms", "fetches upstream"),
    ]
    rows = [
        [
            what,
            f"{median(one[0] for one in measured) * 1e3:.0f}",
            f"{median(one[1] for one in measured) * 1e3:.0f}",
            f"{median(one[2] for one in measured) * 1e3:.0f}",
            max(one[3] for one in measured),
        ]
        for what, measured in found.items()
    ]
    return table(head, rows)


def grown(shop, far):
    """By how much the memory of all processes grows while 500 MB go through it."""
    samples = []
    over = threading.Event()

    def sample():
        while not over.wait(0.05):
            samples.append(sum(shop.pss().values()))

    before = sum(shop.pss().values())
    watching = threading.Thread(target=sample)
    watching.start()
    _, took, size = asyncio.run(client(shop.base, f"/repo/default/{far.paths['huge-0']}"))
    over.set()
    watching.join()
    assert size == 500_000_000, size
    head = ["500 MB streamed to one client", "MB (PSS) before", "at most meanwhile", "more", "seconds"]
    row = ["localshop", f"{before:.0f}", f"{max(samples):.0f}", f"{max(samples) - before:.0f}", f"{took:.1f}"]
    return table(head, [row])


if __name__ == "__main__":
    main()
