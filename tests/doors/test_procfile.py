"""The ``Procfile`` that ``init`` writes: honcho brings up all there is to localshop, as it always did."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest

import brokers
import servers
from distributions import wheel
from servers import until


class Honcho(servers.Running):
    """honcho, which runs what the ``Procfile`` of the home says."""

    program = (sys.executable, "-m", "honcho")

    def wait_until_it_serves(self):
        # It prints what its processes say, each in a group of its own, on its own stdout.
        for line in self.process.stdout:
            self.said += line
            if found := re.search(r"Listening at: (http://\S+)", line):
                self.url = found[1]
            if "Application startup complete" in line:
                return
        raise AssertionError(self.said + self.log.read_text())

    def group(self):
        """Its processes have sessions of their own; they are found by what they were told."""
        mine = f"LOCALSHOP_HOME={self.home}".encode()
        found = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mine in environ.read_bytes().split(b"\0"):
                    found.append(int(environ.parent.name))
            except OSError:
                continue
        return found


@pytest.mark.parametrize("broker", [False, True], ids=["without a broker", "with a broker"])
def test_honcho_brings_up_all_of_it(localshop, upstream, broker):
    if broker and brokers.PROGRAM is None:
        pytest.skip("needs redis-server; scripts/test gets it")
    place = tempfile.mkdtemp(prefix="localshop-redis-")
    environ = {
        "LOCALSHOP_UPSTREAM_URL": upstream.url,
        "LOCALSHOP_BIND": "127.0.0.1:0",
        "LOCALSHOP_WORKERS": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    held = upstream.add(wheel("Demo", "1.0"))
    with brokers.Redis(place) if broker else nullcontext() as redis:
        environ |= {"LOCALSHOP_BROKER_URL": redis.url} if broker else {}
        localshop.good("init", **environ)
        with Honcho(localshop, "-d", str(localshop.home), "start", **environ) as running:
            running.home = localshop.home
            running.wait_until_it_serves()
            url = running.file_url("demo")
            running.get(url)
            until(lambda: running.get(url) == (200, held.body))
            running.process.terminate()
            running.process.communicate(timeout=servers.PATIENCE)
            assert running.group() == []
    shutil.rmtree(place)
