"""``localshop upgrade``: brings the database to what this version needs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from localshop import config
from localshop.cli import schema, setting_up
from localshop.cli.output import LocalshopCommand
from localshop.errors import BadInput


class Command(LocalshopCommand):
    """Copies an SQLite database aside, migrates, and says what it did."""

    help = "bring the database to what this version needs; SQLite is copied aside first"

    def handle(self, *_args: object, **options: Any) -> None:
        """Upgrade, one process at a time."""
        home = config.current().home
        if not schema.is_initialised():
            raise BadInput(f"There is no localshop in {home} yet: run `localshop init`.")
        with setting_up.alone(home):
            pending = schema.pending()
            copy = schema.copy_aside(datetime.now(tz=UTC)) if pending else None
            if pending:
                schema.migrate()
        shape = {"migrations": pending, "copy": None if copy is None else str(copy)}
        if not pending:
            self.show(options, shape, "There is nothing to upgrade.")
            return
        said = f"Migrations made: {', '.join(pending)}."
        if copy is not None:
            said += f"\nThe database as it was before is in {copy}; delete it when all is well."
        self.show(options, shape, said)
