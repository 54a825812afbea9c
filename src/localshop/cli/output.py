"""What all our commands share: ``--json``, actions, tables for people, warnings."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser

from localshop import __version__
from localshop.observe.log import escape

_TELL_EVERY = 1.0
"""Seconds."""
Options = dict[str, Any]
Shape = Mapping[str, object]
"""A thing as ``--json`` prints it."""


class LocalshopCommand(BaseCommand):
    """One command of ours. With ``--json`` it prints one object or array on stdout, and nothing else."""

    requires_system_checks = ()
    suppressed_base_arguments = {
        "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color"
    }  # fmt: skip

    def get_version(self) -> str:
        """Ours, not Django's."""
        return __version__

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare ``--json``."""
        parser.add_argument("--json", action="store_true", help="print JSON")

    def show(self, options: Options, shape: Shape | Sequence[Shape], text: str) -> None:
        """Print ``shape`` for machines or ``text`` for people."""
        # JSON stays ASCII: so it can be printed in every locale, and holds no control character.
        self.stdout.write(json.dumps(shape, indent=2) if options["json"] else text)

    def warn(self, sentence: str) -> None:
        """Tell people something that is no error."""
        self.stderr.write(f"localshop: {escape(sentence)}")

    def wrong_usage(self, sentence: str) -> NoReturn:
        """End as for an unknown option."""
        self.warn(sentence)
        sys.exit(2)


class Watch:
    """Tells how far a long command is, a line a second; ``shown`` False: nothing."""

    def __init__(self, command: LocalshopCommand, *, shown: bool) -> None:
        self._command = command
        self._shown = shown
        self._next = 0.0

    def tell(self, sentence: str, *, last: bool) -> None:
        """Called as often as one likes; the last one is always told."""
        now = time.monotonic()
        if self._shown and (now >= self._next or last):
            self._next = now + _TELL_EVERY
            self._command.warn(sentence)


class Group(LocalshopCommand):
    """A command with actions: ``localshop NOUN ACTION …``."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare all actions."""
        super().add_arguments(parser)
        self._actions: Any = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        self.declare()

    def declare(self) -> None:
        """Declare the actions; called once."""
        raise NotImplementedError

    def action(self, name: str, run: Callable[[Options], None], about: str) -> argparse.ArgumentParser:
        """Add an action; the answer takes its arguments."""
        parser: argparse.ArgumentParser = self._actions.add_parser(name, help=about, description=about)
        # Without a default, a --json that was given before the action is not undone here.
        parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
        parser.set_defaults(run=run)
        return parser

    def handle(self, *_args: object, **options: Any) -> None:
        """Run the action."""
        options["run"](options)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], *, none: str) -> str:
    """Lay out rows in aligned columns; ``none`` is what to say when there are none."""
    if not rows:
        return none
    cells = [[head.upper() for head in heads], *([cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def lines(pairs: Sequence[tuple[str, object]]) -> str:
    """Lay out names and values below each other."""
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name.ljust(width)}  {cell(value)}" for name, value in pairs)


def cell(value: object) -> str:
    """A value for people. Names and errors may come from outside: nothing in them moves the cursor."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", (), []):
        return "-"
    if isinstance(value, list | tuple):
        return ", ".join(cell(one) for one in value)
    return escape(str(value))


def moment(value: datetime | None) -> str | None:
    """A point in time as JSON has it: ``2026-11-21T10:00:00Z``."""
    return None if value is None else f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
