"""``localshop init``: sets up a home."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from localshop import config
from localshop.cli import setting_up
from localshop.cli.output import LocalshopCommand, lines


class Command(LocalshopCommand):
    """Makes everything that is not there yet; a second time it changes nothing."""

    help = "set up a home: secret key, database, settings, first repository and administrator"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument(
            "--username", metavar="U", help="the first administrator's name; admin if not given"
        )
        parser.add_argument(
            "--password",
            metavar="P",
            help="its password; if not given LOCALSHOP_ADMIN_PASSWORD, else a random one that is shown once",
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Set up, and say what was made."""
        report = setting_up.initialise(
            config.current(), username=options["username"], password=options["password"]
        )
        shape = {
            "home": str(report.home),
            "index_url": report.index_url,
            "username": report.username,
            "password": report.password,
            "created": report.created,
        }
        if report.weakness:
            self.warn(f"That password is a weak one. {report.weakness}")
        if not report.created:
            already = f"localshop is set up in {report.home} already; nothing was changed."
            self.show(options, shape, already)
            return
        password = f"{report.password}  (shown only this once)" if report.password else "as given"
        facts = lines([("index", report.index_url), ("user", report.username), ("password", password)])
        self.show(
            options,
            shape,
            f"localshop is set up in {report.home}.\n\n{facts}\n\n"
            f"Start it, then install through it:\n  localshop serve\n"
            f"  pip install -i {report.index_url} <package>",
        )
