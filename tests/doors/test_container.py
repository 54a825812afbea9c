"""The container without Docker: what the Dockerfile makes, run as the Dockerfile says, as another user.

``scripts/container`` has done the steps of the build. Here the command runs with the image's environment
alone, as a user who has no name, no rights and an empty home, on a tree that it cannot write to.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from nginx import free_port
from servers import PATIENCE, until

BUILT = Path(__file__).parents[2] / ".cache" / "container"
HOME = "/var/lib/localshop"


class Container:
    """The image, with a home of its own."""

    def __init__(self, place):
        image = json.loads((BUILT / "image.json").read_text())
        self.user, self.command, self._check = image["user"], image["command"], image["healthcheck"]
        self.stopsignal = image["stopsignal"]
        self.program, self.home = BUILT / "opt" / "localshop", place / "home"
        if os.geteuid() == 0 and not all(parent.stat().st_mode & 0o001 for parent in self.program.parents):
            # Nobody else gets there. A virtual environment works where it is put, but for its scripts.
            self.program = shutil.copytree(self.program, place / "program", symlinks=True)
        self.home.mkdir(0o700)
        self._as_user = []
        if os.geteuid() == 0:
            uid, gid = map(int, self.user.split(":"))
            os.chown(self.home, uid, gid)
            self._as_user = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
            self._as_user += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        self.port = free_port()
        bind = {"LOCALSHOP_BIND": f"127.0.0.1:{self.port}"}
        self.environ = {name: self._placed(value) for name, value in (image["env"] | bind).items()}

    def run(self, command, **options):
        program = self.program / "bin" / "python"
        if command[0] == "localshop":
            command = [program, "-m", *command]
        elif command[0] == "python":
            command = [program, *command[1:]]
        return subprocess.Popen(
            [*self._as_user, *command], env=self.environ, cwd="/", stdin=subprocess.DEVNULL, **options
        )

    def is_well(self):
        """What the health check says."""
        check = [part.replace(":8000", f":{self.port}") for part in self._check]
        assert check != self._check
        return self.run(check, stderr=subprocess.DEVNULL).wait(PATIENCE) == 0

    def files(self):
        return {
            path: (found.st_size, found.st_mtime_ns)
            for path in self.program.rglob("*")
            if (found := path.lstat())
        }

    def _placed(self, text):
        return text.replace("/opt/localshop", str(self.program)).replace(HOME, str(self.home))


@pytest.fixture(scope="module")
def container():
    if not (BUILT / "done").exists():
        pytest.skip("scripts/container was not run.")
    # Where a user may go who is nobody here.
    place = Path(tempfile.mkdtemp(prefix="localshop-container-"))
    place.chmod(0o755)
    yield Container(place)
    shutil.rmtree(place)


def test_it_serves_as_nobody_on_a_tree_that_it_cannot_write_to(container):
    """And ends in good order when it is told to."""
    before = container.files()
    assert not container.is_well()
    process = container.run(container.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        until(lambda: process.poll() is not None or container.is_well())
        assert process.poll() is None, process.stdout.read()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{container.port}/-/ready", timeout=PATIENCE) as answer:
            assert json.load(answer)["storage"] is True
        if os.geteuid() == 0:
            status = Path(f"/proc/{process.pid}/status").read_text()
            assert f"Uid:\t{container.user.split(':')[0]}\t" in status
            assert "CapEff:\t0000000000000000" in status
        process.send_signal(signal.Signals[container.stopsignal])
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.stdout.close()
        process.wait()
    assert "password" in said, "of an empty home, once"
    assert "Traceback" not in said
    assert "WARNING" not in said
    assert container.files() == before
    assert (container.home / "secret_key").stat().st_mode & 0o077 == 0


def test_what_the_extras_are_for_can_be_imported(container):
    """Else it is noticed when somebody turns them on."""
    program = "import psycopg, boto3, storages.backends.s3, pypi_attestations"
    assert container.run(["python", "-c", program]).wait(PATIENCE) == 0
