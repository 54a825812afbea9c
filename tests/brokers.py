"""A Redis of its own for a test: on a socket, kept nowhere."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path

from servers import until

PROGRAM = shutil.which("redis-server", path="/usr/bin:/usr/local/bin:/usr/sbin")


class Redis:
    """A running ``redis-server``; ``url`` is for ``LOCALSHOP_BROKER_URL``."""

    def __init__(self, place):
        # The path of a socket must be short.
        self.socket = Path(place) / "redis.sock"
        self.url = f"redis+socket://{self.socket}"
        self._process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        options = ("--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", self.socket.parent)
        self._process = subprocess.Popen(
            [str(part) for part in (PROGRAM, *options)], stdout=subprocess.DEVNULL, start_new_session=True
        )
        until(self._answers)

    def stop(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None

    def ask(self, *words):
        """Send one command and give the answer as it comes (RESP)."""
        with closing(socket.socket(socket.AF_UNIX)) as client:
            client.settimeout(20)
            client.connect(str(self.socket))
            sent = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in map(str.encode, words))
            client.sendall(b"*%d\r\n" % len(words) + sent)
            return client.recv(1 << 20)

    def _answers(self):
        try:
            return self.ask("PING") == b"+PONG\r\n"
        except OSError:
            return False
