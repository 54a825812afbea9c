"""Runs ``localshop`` in forks of a process that has imported what needs no settings: a third of the work.

    ended = warm.run(arguments, environ, timeout=60)     # exit code, stdout, stderr

Each command is a process with an environment, files and an end of its own, as if Python had just been
started; tests that start what stays do start Python. This file is also the program of the process that is
forked: it takes requests on a socket, one connection each.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib import import_module

READY = (
    "localshop.__main__",
    "localshop.cli.start",
    "localshop.catalog.migrating",
    "localshop.catalog.records",
    "localshop.catalog.sealing",
    "localshop.catalog.sqlite.base",
    "localshop.policies.rules",
    "django.contrib.auth.apps",
    "django.contrib.auth.hashers",
    "django.contrib.contenttypes.apps",
    "django.contrib.messages.apps",
    "django.contrib.sessions.apps",
    "django.contrib.staticfiles.apps",
    "django.core.mail",
    "django.db.models.sql.compiler",
    "django.middleware.csrf",
    "django.views.generic.base",
)
ON_POSTGRESQL = ("localshop.catalog.postgresql.base",)


def run(arguments, environ, *, timeout):
    """Run a command to its end; its exit code (negative: of a signal), and what it said on both streams."""
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        socket.socket(socket.AF_UNIX) as asking,
    ):
        asking.settimeout(timeout)
        asking.connect(_address())
        socket.send_fds(asking, [b"x"], [out.fileno(), err.fileno()])
        asking.sendall(json.dumps([[str(one) for one in arguments], environ]).encode())
        asking.shutdown(socket.SHUT_WR)
        code = int(_all_of(asking))
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode())
    return code, *said


@cache
def _address():
    """Where the process listens that is forked; it ends with this one."""
    place = tempfile.TemporaryDirectory(prefix="localshop-warm-")
    address = f"{place.name}/socket"
    process = subprocess.Popen(
        [sys.executable, "-W", "error", __file__, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd="/",
    )
    assert process.stdout.readline() == b"ready\n"
    atexit.register(lambda: (process.communicate(), place.cleanup()))
    return address


def _all_of(connection):
    received = b""
    while piece := connection.recv(1 << 16):
        received += piece
    return received


def _requests(address):
    """Fork for each request, until stdin ends; a child gets the request, the first process None."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            if sys.stdin in select.select([listener, sys.stdin], [], [])[0]:
                return None
            asking, _ = listener.accept()
            with suppress(ChildProcessError):
                # Those that have ended since.
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if not os.fork():
                return asking
            asking.close()


def _fulfil(asking):
    """Become the command that is asked for; another process waits for it, and tells its exit code."""
    _, streams, _, _ = socket.recv_fds(asking, 1, 2)
    arguments, environ = json.loads(_all_of(asking))
    if command := os.fork():
        _, status = os.waitpid(command, 0)
        asking.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    asking.close()
    for place, stream in enumerate([os.open(os.devnull, os.O_RDONLY), *streams]):
        os.dup2(stream, place)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["localshop", *arguments]
    return sys.modules["localshop.__main__"].main(arguments)


if __name__ == "__main__":
    for name in READY + (ON_POSTGRESQL if "LOCALSHOP_TEST_DATABASE_URL" in os.environ else ()):
        import_module(name)
    assert not sys.modules.keys() & {"localshop.settings", "localshop.catalog.models"}
    # What is never written to stays shared.
    gc.freeze()
    if request := _requests(sys.argv[1]):
        sys.exit(_fulfil(request))
