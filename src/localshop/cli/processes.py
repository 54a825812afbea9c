"""What the processes of ``serve`` and ``worker`` do, each in a process of its own."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
from dataclasses import replace
from typing import Any

import uvicorn
from uvicorn.loops.auto import auto_loop_factory

from localshop import config
from localshop.asgi import application
from localshop.cli.connection import Connection
from localshop.cli.supervisor import GRACE, let_signals_through
from localshop.jobs.registry import jobs
from localshop.jobs.runner import Runner
from localshop.observe import shared
from localshop.shop import open_shop
from localshop.upstream.client import get_ready

_NICENESS = 10

_loop_factory = auto_loop_factory()
WEB: dict[str, Any] = {
    "http": Connection,
    "ws": "none",
    "lifespan": "on",
    "timeout_keep_alive": 75,
    "timeout_graceful_shutdown": int(GRACE),
    # Who a client is, behind a proxy, is decided by us.
    "proxy_headers": False,
    "server_header": False,
    "access_log": False,
    "log_config": None,
}
"""What uvicorn is told, whoever starts it."""
# Made before the fork, so that all it imports is shared.
_web = uvicorn.Config(application, workers=1, log_level="warning", **WEB)
_web.load()
get_ready()


def web(listener: socket.socket) -> int:
    """Answer requests that come to ``listener``, until a signal comes and the last answer is given."""
    limit_connections()
    server = uvicorn.Server(_web)
    for number in (signal.SIGTERM, signal.SIGINT):
        # It puts these very handlers there itself, but a signal may come before it does.
        signal.signal(number, server.handle_exit)
    let_signals_through()
    with asyncio.Runner(loop_factory=_loop_factory) as runner:
        runner.run(server.serve(sockets=[listener]))
    return 0


def limit_connections() -> None:
    """Let this process have as many connections as it may have files."""
    most = min(Connection.limits.connections, _raise_open_files() // 2)
    Connection.limits = replace(Connection.limits, connections=most)


def work() -> int:
    """Do jobs until a signal comes, then end those that are running."""
    _raise_open_files()
    # A process that computes must not take the processor from those that answer.
    os.nice(_NICENESS)
    with asyncio.Runner(loop_factory=_loop_factory) as runner:
        runner.run(_work())
    return 0


async def _work() -> None:
    settings = config.current()
    shop = open_shop(settings)
    runner = Runner(shop, jobs(offline=settings.offline))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runner.stop)
    let_signals_through()
    shared.join(settings.home / shared.DIRECTORY)
    publishing = asyncio.create_task(shared.keep_publishing())
    try:
        await runner.run(grace=GRACE)
    finally:
        publishing.cancel()
        shared.leave()
        await shop.close()


def _raise_open_files() -> int:
    """Allow as many open files as may be: each connection is one, and so is each file that is sent.

    The usual 1024 are there for programs that use ``select``, as these processes do not.
    """
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    except (ValueError, OSError):
        # macOS says that there is no limit, and then does not take that for one.
        return soft
    return most if most != resource.RLIM_INFINITY else sys.maxsize
