"""``localshop celeryd``: Celery's worker for our jobs; without a broker, the worker that needs none."""

from __future__ import annotations

import sys

from localshop import config
from localshop.cli.output import LocalshopCommand
from localshop.cli.worker import work


class Command(LocalshopCommand):
    """Starts ``celery worker`` with the options that were given, which are all Celery's own."""

    help = "run jobs with Celery (-B -E …), or as `worker` does if there is no broker"

    def run_from_argv(self, argv: list[str]) -> None:
        """Take the options as they are: which there are is Celery's knowledge."""
        broker = config.current().broker_url
        if not broker:
            if {"-h", "--help"} & set(argv):
                self.print_help(argv[0], argv[1])
            else:
                work()
            return
        from django.db import connections  # noqa: PLC0415 - it needs Django's settings.

        from localshop.celery import app  # noqa: PLC0415 - only who has a broker has Celery.

        # An open database must not be carried into another process.
        connections.close_all()
        sys.exit(app.start(["worker", *argv[2:]]))
