"""``localshop worker``: runs jobs only."""

from __future__ import annotations

from django.core.management.base import CommandParser

from localshop.cli.output import LocalshopCommand
from localshop.cli.supervisor import Child, supervise


class Command(LocalshopCommand):
    """Keeps one process that does jobs, until it is told to end."""

    help = "run jobs only, beside `serve --no-jobs` or on more machines"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare nothing: it prints no result that ``--json`` could show."""

    def handle(self, *_args: object, **_options: object) -> None:
        """Work until a signal comes."""
        work()


def work() -> None:
    """Keep one process that does jobs, until a signal comes."""
    from django.db import connections  # noqa: PLC0415 - they need Django's settings.

    from localshop.cli import processes  # noqa: PLC0415
    from localshop.storage.opening import configured_storage  # noqa: PLC0415

    configured_storage()
    # An open database must not be carried into another process.
    connections.close_all()
    supervise([Child("job", processes.work)])
