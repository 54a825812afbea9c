"""``localshop celeryd``: Celery's worker for our jobs; without a broker, the worker that needs none."""

from __future__ import annotations

import sys

from django.core.management.base import CommandParser

from localshop import config
from localshop.cli.output import LocalshopCommand
from localshop.cli.worker import work


class Command(LocalshopCommand):
    """Starts ``celery worker`` with the options that were given, which are all Celery's own."""

    help = "run jobs with Celery (-B -E …), or as `worker` does if there is no broker"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare nothing: the options are Celery's."""

    def run_from_argv(self, argv: list[str]) -> None:
        """Run with everything behind the command's name as Celery's own."""
        if not config.current().broker_url and not {"-h", "--help"}.isdisjoint(argv):
            self.print_help(argv[0], argv[1])
        else:
            _run(argv[2:])

    def handle(self, *_args: object, **_options: object) -> None:
        """Run with no options: so it is when another program calls this command."""
        _run([])


def _run(given: list[str]) -> None:
    if not config.current().broker_url:
        work()
        return
    from django.db import connections  # noqa: PLC0415 - they need Django's settings.

    from localshop.celery import app  # noqa: PLC0415 - only who has a broker has Celery.

    # An open database must not be carried into another process.
    connections.close_all()
    sys.exit(app.start(["worker", *given]))
