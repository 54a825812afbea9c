"""Installing 60 packages with uv while the upstream is 30 ms away: directly, and through localshop.

Each time with a new environment and no cache of uv's, in memory, because the disk is not what is
measured. Cold: localshop has never heard of any of it, each time in a new home. The kinds take turns.
Then many clients install at once from a localshop that knows nothing.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from processes import clean_environ, conditions, environment, median, table, version_of

from servers import Far, Localshop

AWAY = 0.03
PACKAGES = 60
TURNS = 5
CROWD = 64
CROWD_PACKAGES = 12


class Uv:
    """uv with nobody's settings, and places of its own for all that it writes."""

    def __init__(self, memory):
        programs = environment("uv", "uv")
        self.program, self.version = programs / "uv", version_of(programs, "uv")
        self._memory = memory
        self._plain = Path(tempfile.mkdtemp(dir=memory)) / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self._plain], check=True)

    def install(self, index, project="tree-0"):
        """Seconds that it took, and what it says if it failed."""
        place = Path(tempfile.mkdtemp(dir=self._memory))
        shutil.copytree(self._plain, place / "venv", symlinks=True)
        command = [self.program, "pip", "install", "--no-config", "--quiet", "--index-url", index, project]
        env = clean_environ(
            UV_CACHE_DIR=str(place / "cache"), VIRTUAL_ENV=str(place / "venv"), HOME=str(place)
        )
        began = time.perf_counter()
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        took = time.perf_counter() - began
        shutil.rmtree(place)
        return took, ended.stderr if ended.returncode else ""


def main():
    with ExitStack() as ending:
        place = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="localshop-benchmark-")))
        memory = Path("/dev/shm") if Path("/dev/shm").is_dir() else place
        memory = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="uv-", dir=memory)))
        uv = Uv(memory)
        far = Far(place, away=AWAY, tree=PACKAGES)
        ending.callback(far.end)
        print(conditions(uv=uv.version))
        print()
        found = {"direct": []}
        for turn in range(TURNS):
            direct, failed = uv.install(far.url)
            assert not failed, failed
            found["direct"].append((direct, 0.0))
            for miss in ("redirect", "stream")[:: -1 if turn % 2 else 1]:
                for what, measured in through(uv, far, place / f"{miss}-{turn}", miss):
                    found.setdefault(what, []).append(measured)
        print(report(found), flush=True)
        crowd(uv, place)


def through(uv, far, place, miss):
    """Cold, and then warm, on a new localshop: seconds, and seconds of CPU of localshop's."""
    shop = opened(place, far, miss)
    try:
        for what in (f"cold, {miss}", f"warm, {miss}"):
            before = shop.cpu()
            took, failed = uv.install(f"{shop.base}/repo/default/")
            assert not failed, failed
            yield what, (took, shop.cpu() - before)
            shop.command("jobs", "wait", "--timeout", "60")
    finally:
        shop.end()
        shutil.rmtree(place)


def opened(place, far, miss):
    place.mkdir()
    shop = Localshop(place, upstream=far.url, open_to_all=True)
    shop.command("repository", "edit", "default", "--miss", miss)
    return shop


def report(found):
    direct = median(took for took, _ in found["direct"])
    rows = [
        [
            what,
            f"{median(took for took, _ in measured):.2f}",
            f"{min(took for took, _ in measured):.2f} to {max(took for took, _ in measured):.2f}",
            f"{median(took for took, _ in measured) / direct:.2f}",
            f"{median(cpu for _, cpu in measured):.2f}" if what != "direct" else "",
        ]
        for what, measured in found.items()
    ]
    head = [
        f"uv, {PACKAGES} packages, upstream {AWAY * 1000:.0f} ms away",
        *("seconds", "of all turns", "times direct", "CPU s of localshop"),
    ]
    return table(head, rows)


def crowd(uv, place):
    """Many clients at once, on a localshop that has never heard of what they want."""
    rows = []
    for miss in ("redirect", "stream"):
        far = Far(place, away=AWAY, tree=CROWD_PACKAGES)
        shop = opened(place / f"crowd-{miss}", far, miss)
        began = time.perf_counter()
        try:
            with ThreadPoolExecutor(CROWD) as threads:
                ended = [*threads.map(uv.install, [f"{shop.base}/repo/default/"] * CROWD)]
            took = time.perf_counter() - began
            failed = [said for _, said in ended if said]
            asked = far.count("/simple/*"), far.count("/packages/*whl")
            rows.append([miss, len(failed), f"{took:.1f}", f"{shop.cpu():.1f}", *asked])
            print(*failed[:3], sep="\n", file=sys.stderr)
        finally:
            shop.end()
            far.end()
    head = [f"{CROWD} clients at once, {CROWD_PACKAGES} packages, cold"]
    print(table([*head, "failed", "seconds", "CPU s", "pages upstream", "wheels upstream"], rows))


if __name__ == "__main__":
    main()
