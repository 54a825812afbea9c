"""A socket that systemd has bound for us (socket activation), so that nobody is refused while we restart."""

from __future__ import annotations

import os
import socket

from localshop.errors import BadInput

_FIRST = 3
"""sd_listen_fds(3): the sockets that are handed over begin here."""
_TOLD = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def handed_over() -> socket.socket | None:
    """The socket to serve on; None: we were handed none. ``BadInput`` when it is none to serve on."""
    told = {name: os.environ.pop(name, "") for name in _TOLD}
    if told["LISTEN_PID"] != str(os.getpid()):
        return None
    if told["LISTEN_FDS"] != "1":
        raise BadInput(f"localshop serves on one socket; it was handed {told['LISTEN_FDS'] or 'none'}.")
    listener = socket.socket(fileno=_FIRST)
    listener.set_inheritable(False)
    if listener.family not in {socket.AF_INET, socket.AF_INET6} or listener.type != socket.SOCK_STREAM:
        raise BadInput("The socket that was handed over is not one of TCP.")
    return listener
