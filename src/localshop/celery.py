"""Where ``celery -A localshop worker`` and ``localshop celeryd`` begin: Celery's app, set up as ours."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "localshop.settings")

import django

django.setup()

from celery import signals
from django.db import connections

from localshop import config
from localshop.catalog.schema import why_not_ready
from localshop.jobs import ending
from localshop.jobs.beat import KeepBeat
from localshop.jobs.engine import app, look
from localshop.jobs.workshop import close_workshop
from localshop.observe import log

__all__ = ["app"]

_NICENESS = 10
_CHATTY = ("celery.app.trace", "celery.beat", "celery.worker.strategy")
"""They log a line or more for each message."""


def _set_up_log(**_: Any) -> None:
    """Log as our other processes do, wherever Celery would set it up."""
    settings = config.current()
    log.configure(settings.log_level, settings.log_format)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _begin(**_: Any) -> None:
    # Here and not on import: only who does jobs needs the tables.
    wrong = why_not_ready(config.current())
    if wrong is not None:
        sys.exit(f"localshop: {wrong}")
    # What is kept here is its owner's only, and a process that computes must not take the
    # processor from those that answer.
    os.umask(0o077)
    os.nice(_NICENESS)
    # An open database must not be carried into another process.
    connections.close_all()
    ending.prepare()


def _begin_child(**_: Any) -> None:
    ending.watch(close_workshop)


def _catch_up(**_: Any) -> None:
    """Look for what was lost while no worker ran, even where nobody runs beat."""
    # Here and not before the forks, since it is a thread; with `-P threads` the jobs are here, too.
    ending.watch(close_workshop)
    look.apply_async()


def _be_told(**_: Any) -> None:
    ending.tell()


def _end(**_: Any) -> None:
    close_workshop()


def _watch_parent(**_: Any) -> None:
    """Beat in a process of its own would live on when the worker that started it was killed."""
    threading.Thread(target=_end_when_orphaned, args=[os.getppid()], daemon=True).start()


def _end_when_orphaned(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


signals.setup_logging.connect(_set_up_log, weak=False)
signals.worker_init.connect(_begin, weak=False)
signals.worker_ready.connect(_catch_up, weak=False)
signals.worker_process_init.connect(_begin_child, weak=False)
signals.worker_shutting_down.connect(_be_told, weak=False)
signals.worker_process_shutdown.connect(_end, weak=False)
signals.worker_shutdown.connect(_end, weak=False)
signals.beat_embedded_init.connect(_watch_parent, weak=False)
app.steps["worker"].add(KeepBeat)
