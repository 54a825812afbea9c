"""Keeps the beat of ``celeryd -B`` going: Celery starts it once and does not look at it again."""

from __future__ import annotations

import logging
from typing import Any

from celery import bootsteps
from celery.worker.components import Beat

from localshop.observe.log import event, get_logger

from . import ending

_EVERY = 1.0

log = get_logger(__name__)


class KeepBeat(bootsteps.StartStopStep):  # type: ignore[misc] # It has no types.
    """A step of Celery's worker: beat in a process of its own is started again when that has died."""

    requires = ("celery.worker.components:Beat", "celery.worker.components:Timer")

    def __init__(self, worker: Any, *, beat: bool = False, **options: Any) -> None:
        super().__init__(worker, **options)
        self.enabled = beat
        self._looking: Any = None

    def start(self, worker: Any) -> None:
        """Begin to look at it."""
        self._looking = worker.timer.call_repeatedly(_EVERY, self._look, (worker,))

    def stop(self, _worker: Any) -> None:
        """Leave it alone: from now on it is to end."""
        if self._looking is not None:
            self._looking.cancel()

    def _look(self, worker: Any) -> None:
        if worker.beat.is_alive() or ending.has_begun():
            return
        event(log, logging.ERROR, "died", "The beat process is gone; it is started again.")
        step = next(each for each in worker.blueprint.order if isinstance(each, Beat))
        # With its step, which is who ends it.
        step.obj = step.create(worker)
        step.obj.start()
