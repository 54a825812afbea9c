"""Pages for people, with much behind them: 10,000 projects, 100,000 files, 100,000 lines of the journal.

``benchmarks/run web``, on SQLite; with ``LOCALSHOP_DATABASE_URL`` in the environment, on an empty database
there. One web process; each page is asked for by an administrator who is logged in.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from processes import Running, ask, clean_environ, conditions, table

WARM, TIMES = 2, 8
PAGES = {
    "start": "/",
    "packages": "/packages/",
    "packages, the last page": "/packages/?page=9999",
    "packages, of one kind": "/packages/?kind=private",
    "search, many fit": "/packages/?q=tool",
    "search, one fits": "/packages/?q=tool-07777",
    "search, none fits": "/packages/?q=%25_nothing",
    "search, three words": "/packages/?q=tool+number+77",
    "a project": "/repositories/default/packages/tool-07777/",
    "a project of 2,000 files": "/repositories/default/packages/large/",
    "repositories": "/repositories/",
    "credentials": "/credentials/",
    "users": "/accounts/users/",
    "activity": "/activity/",
    "activity, of one package": "/activity/?project=tool-07777",
    "jobs": "/activity/jobs/",
}


def main():
    with tempfile.TemporaryDirectory(prefix="localshop-benchmark-") as name:
        home = Path(name) / "home"
        given = {key: os.environ[key] for key in ("LOCALSHOP_DATABASE_URL",) if key in os.environ}
        environ = {"LOCALSHOP_HOME": str(home), "LOCALSHOP_ADMIN_PASSWORD": "benchmark", **given}
        localshop = [sys.executable, "-m", "localshop"]
        subprocess.run([*localshop, "init"], env=clean_environ(**environ), check=True, capture_output=True)
        fill = clean_environ(**environ, DJANGO_SETTINGS_MODULE="localshop.settings")
        filled = subprocess.run(
            [sys.executable, Path(__file__).with_name("web_rows.py")],
            env=fill,
            check=True,
            capture_output=True,
            text=True,
        )
        serve = (*localshop, "serve", "--bind", "127.0.0.1:0", "--workers", "1", "--no-jobs")
        running = Running(*serve, log=Path(name) / "log", env=environ)
        try:
            base = running.line_with("pip install").split()[3].removesuffix("/repo/default/")
            cookie = {"Cookie": f"localshop_session={filled.stdout.strip()}"}
            rows = [measure(running, what, base + path, cookie) for what, path in PAGES.items()]
        finally:
            running.end()
    print(conditions())
    print()
    print(table(["Page for people", "CPU ms", "slowest ms", "KB"], rows))


def measure(running, what, url, headers):
    for _ in range(WARM):
        status, _, body = ask(url, headers)
        assert status == 200, (what, status)
    before, slowest = running.cpu(), 0.0
    for _ in range(TIMES):
        start = time.perf_counter()
        ask(url, headers)
        slowest = max(slowest, time.perf_counter() - start)
    cpu = (running.cpu() - before) / TIMES
    return [what, f"{cpu * 1000:.1f}", f"{slowest * 1000:.0f}", f"{len(body) / 1024:.0f}"]


if __name__ == "__main__":
    main()
