"""``localshop run_gunicorn``: the web processes alone, under gunicorn."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from localshop.cli.output import LocalshopCommand


class Command(LocalshopCommand):
    """Hands its process over to gunicorn; jobs are run beside it."""

    help = "serve under gunicorn, with gunicorn's own options; jobs are run beside it"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare nothing: the options are gunicorn's."""

    def run_from_argv(self, argv: Sequence[str]) -> None:
        """Run with everything behind the command's name as gunicorn's own."""
        _run(argv[2:])

    def handle(self, *_args: object, **_options: Any) -> None:
        """Run with no options: so it is when another program calls this command."""
        _run([])


def _run(given: Sequence[str]) -> None:
    from localshop.cli.gunicorn_server import Gunicorn  # noqa: PLC0415 - it needs Django's settings.
    from localshop.storage.opening import configured_storage  # noqa: PLC0415

    configured_storage()
    # gunicorn reads the command line by itself, and names itself after its first word.
    sys.argv = ["localshop run_gunicorn", *given]
    Gunicorn().run()
