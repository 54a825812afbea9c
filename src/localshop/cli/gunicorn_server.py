"""gunicorn with our web processes in it: the same limits and answers as under ``serve``."""

from __future__ import annotations

import os
import threading
import time
from argparse import ArgumentParser, Namespace
from typing import Any, ClassVar

from gunicorn.app.base import Application
from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

from localshop import config
from localshop.asgi import FrontDoor, application
from localshop.cli import processes
from localshop.cli.supervisor import GRACE, end_for_want_of_parent


class Worker(UvicornWorker):  # type: ignore[misc] # It has no types.
    """One web process. What gunicorn could set otherwise is ours where the index depends on it."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {**processes.WEB, "loop": "auto"}

    def run(self) -> None:
        """Answer requests until a signal comes, or gunicorn itself is gone."""
        processes.limit_connections()
        # Uvicorn's worker does not look whether it has a parent, as gunicorn's own do.
        threading.Thread(target=_end_when_orphaned, args=[self.ppid], daemon=True).start()
        super().run()


def _end_when_orphaned(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    end_for_want_of_parent()


class Gunicorn(Application):
    """gunicorn's own program, which begins with our settings."""

    def init(self, parser: ArgumentParser, _opts: Namespace, args: list[str]) -> dict[str, Any]:
        """What holds unless a configuration file, the environment or an option says otherwise."""
        if args:
            parser.error(f"unrecognized arguments: {' '.join(args)}")
        settings = config.current()
        return {
            "bind": settings.bind,
            "workers": settings.workers,
            "worker_class": f"{__name__}.{Worker.__name__}",
            "graceful_timeout": int(GRACE),
            # What is imported before the fork is shared by all of them.
            "preload_app": True,
            "proc_name": "localshop",
            # We decide who a client is, behind a proxy.
            "forwarded_allow_ips": "",
            # Whoever could write to that socket could end the server.
            "control_socket_disable": True,
        }

    def load(self) -> FrontDoor:
        """Our front door."""
        return application
