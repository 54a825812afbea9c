"""``localshop upgrade``: brings the database to what this version needs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from localshop import config
from localshop.catalog import migrating
from localshop.cli import schema, setting_up
from localshop.cli.output import LocalshopCommand, Options
from localshop.errors import BadInput

KEPT = 3
"""Copies of a SQLite database from before an upgrade."""


class Command(LocalshopCommand):
    """Copies an SQLite database aside, migrates, and says what it did."""

    help = "bring the database to what this version needs; SQLite is copied aside first"

    def handle(self, *_args: object, **options: Any) -> None:
        """Upgrade, one process at a time."""
        home = config.current().home
        if not schema.is_initialised():
            raise BadInput(f"There is no localshop in {home} yet: run `localshop init`.")
        # Whoever waited here finds that the other one has done it all.
        with setting_up.alone(home), migrating.alone():
            self._migrate(options)

    def _migrate(self, options: Options) -> None:
        schema.ensure_not_newer()
        pending = migrating.pending()
        copy = schema.copy_aside(datetime.now(tz=UTC)) if pending else None
        if pending:
            migrating.migrate()
        gone = schema.remove_old_copies(keep=KEPT) if pending else []
        shape = {"migrations": pending, "copy": None if copy is None else str(copy), "removed": gone}
        if not pending:
            self.show(options, shape, "There is nothing to upgrade.")
            return
        said = f"Migrations made: {', '.join(pending)}."
        if copy is not None:
            said += f"\nThe database as it was before is in {copy}; the newest {KEPT} such copies are kept."
        self.show(options, shape, said)
