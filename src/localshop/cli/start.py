"""How a command begins: settings, log, secret key; then Django's dispatcher, which knows our commands too."""

from __future__ import annotations

import logging
import os
import sys
import textwrap
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from django.conf import settings
from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand
from django.db import connections

from localshop import __version__, config
from localshop.config.secret import ensure_secret_key
from localshop.config.sources import home_of
from localshop.errors import BadInput
from localshop.observe import log
from localshop.takeover.home import is_old, set_aside

COMMANDS = {
    "init": "localshop.cli.init",
    "upgrade": "localshop.cli.upgrade",
    "serve": "localshop.cli.serve",
    "worker": "localshop.cli.worker",
    "run_gunicorn": "localshop.cli.run_gunicorn",
    "celeryd": "localshop.cli.celeryd",
    "repository": "localshop.cli.repository",
    "cidr": "localshop.cli.cidr",
    "policy": "localshop.cli.policy",
    "advisories": "localshop.cli.advisories",
    "alarms": "localshop.cli.alarms",
    "credential": "localshop.cli.credential",
    "user": "localshop.cli.user",
    "project": "localshop.cli.project",
    "release": "localshop.cli.release",
    "file": "localshop.cli.file",
    "jobs": "localshop.cli.jobs",
    "mirror": "localshop.cli.mirror",
    "verify": "localshop.cli.verify",
    "sweep": "localshop.cli.sweep",
    "backup": "localshop.cli.backup",
    "restore": "localshop.cli.restore",
    "doctor": "localshop.cli.doctor",
}
"""Each command and the module that has its class ``Command``; only the one that is asked for is imported."""

_MAKERS = frozenset({"init", "serve", "restore"})
"""Those that set up a home in which there is nothing yet."""
_OF_DJANGO = frozenset(
    {"changepassword", "clearsessions", "createsuperuser", "dumpdata", "flush", "loaddata", "shell"}
)
_NEED_TABLES = (frozenset(COMMANDS) | _OF_DJANGO) - _MAKERS - {"upgrade", "doctor"}
_logger = log.get_logger(__name__)


def prepare(given: Sequence[str]) -> None:
    """Do what must be done before Django's settings are made; raises ``BadSetting`` and ``BadInput``."""
    place = home_of(None, os.environ)
    takes_over = is_old(place)
    if takes_over:
        _make_way(place, given)
    found = config.current()
    log.configure(found.log_level, found.log_format)
    for sentence in found.warnings:
        log.event(_logger, logging.WARNING, "setting-ignored", sentence)
    if given and (takes_over or given[0] in _MAKERS) and not _asks_for_help(given) and not found.secret_key:
        # It seals what is written first already, so it cannot be made in between.
        ensure_secret_key(found.home)
        config.current.cache_clear()


def _make_way(home: Path, given: Sequence[str]) -> None:
    """Set the home of an old localshop aside: its settings are none of ours, so nothing else can begin."""
    if list(given[:1]) != ["upgrade"] or _asks_for_help(given):
        raise BadInput(
            f"{home} is the home of an old localshop that is not taken over yet, or not to the end: stop "
            "the old one, then run `localshop upgrade`, which deletes nothing of it."
        )
    set_aside(home)


class Utility(ManagementUtility):
    """Django's dispatcher with our commands beside its own."""

    def execute(self) -> None:
        """Run the command; the version is ours, not Django's."""
        if self.argv[1:] in (["version"], ["--version"]):
            sys.stdout.write(f"{__version__}\n")
            return
        try:
            super().execute()
        finally:
            # Django closes what its commands opened, but not what was looked with before they began.
            if settings.configured:
                connections.close_all()

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Give the command of this name; ends with exit code 2 when there is none."""
        if subcommand not in COMMANDS:
            self._known_or_exit(subcommand)
        if subcommand == self.argv[1] and subcommand in _NEED_TABLES and not _asks_for_help(self.argv[1:]):
            from localshop.catalog.schema import ensure_ready  # noqa: PLC0415 - it needs Django's settings.

            ensure_ready(config.current())
        if subcommand not in COMMANDS:
            return super().fetch_command(subcommand)
        command: BaseCommand = import_module(COMMANDS[subcommand]).Command()
        return command

    def main_help_text(self, commands_only: bool = False) -> str:
        """What ``localshop help`` prints."""
        if commands_only:
            return "\n".join(sorted({*COMMANDS, *get_commands()}))
        ours = [f"  {name:12}{import_module(module).Command.help}" for name, module in COMMANDS.items()]
        theirs = ", ".join(sorted(set(get_commands()) - set(COMMANDS)))
        return "\n".join(
            [
                f"localshop {__version__}: a private PyPI server.",
                "",
                *ours,
                "",
                "`localshop COMMAND --help` tells more of each. Django's own commands work too:",
                *textwrap.wrap(f"{theirs}.", width=100, break_on_hyphens=False),
            ]
        )

    def _known_or_exit(self, name: str) -> None:
        known = {*COMMANDS, *get_commands()}
        if name in known:
            return
        nearest = get_close_matches(name, sorted(known), n=1)
        hint = f" Did you mean `{nearest[0]}`?" if nearest else ""
        sys.stderr.write(f"localshop: {name!r} is no command.{hint} `localshop help` lists all of them.\n")
        sys.exit(2)


def _asks_for_help(given: Sequence[str]) -> bool:
    return not {"-h", "--help"}.isdisjoint(given)
