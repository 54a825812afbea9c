"""PostgreSQL and Redis out of Debian's packages, each of its own, kept nowhere."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from processes import Running


class PostgreSQL:
    """A cluster on a socket, as durable as its users'; ``url`` gives a new database."""

    def __init__(self):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not found:
            raise SystemExit("PostgreSQL is not installed; scripts/test installs it.")
        self._programs = found[-1].parent
        # It refuses to run as root; and the path of a socket must be short.
        self._as = {}
        self._place = tempfile.mkdtemp(prefix="localshop-pg-", dir="/tmp")
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._place, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._run("initdb", "--username=localshop", "--auth=trust", "--encoding=UTF8", "--locale=C")
        options = f"-c listen_addresses='' -c unix_socket_directories='{self._place}' -c max_connections=300"
        self._run("pg_ctl", "--wait", "--silent", f"--log={self._place}/log", f"--options={options}", "start")
        self.version = self._run("postgres", "--version", data=False).split()[2]

    def url(self, name):
        self._run("createdb", f"--host={self._place}", "--username=localshop", name, data=False)
        return f"postgresql://localshop@{quote(self._place, safe='')}/{name}"

    def end(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "--mode=immediate", "--silent", "stop")
        shutil.rmtree(self._place)

    def _run(self, program, *arguments, data=True):
        where = [f"--pgdata={self._place}/data"] if data else []
        command = [self._programs / program, *where, *arguments]
        # A server that stays must not keep a pipe of ours open.
        out = subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE
        return subprocess.run(command, cwd="/", stdout=out, check=True, text=True, **self._as).stdout


class Redis(Running):
    """A Redis on a socket."""

    name = "redis"

    def __init__(self, place):
        path = Path(tempfile.mkdtemp(prefix="localshop-redis-", dir="/tmp")) / "socket"
        super().__init__(
            *("redis-server", "--port", "0", "--unixsocket", path, "--save", ""), log=place / "redis.log"
        )
        self.line_with("ready to accept connections")
        self._path = path
        self.url = f"redis+socket://{path}"

    def end(self):
        super().end()
        shutil.rmtree(self._path.parent)
