"""``localshop upgrade``: brings the database to what this version needs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from localshop import config
from localshop.catalog import migrating, schema
from localshop.cli import setting_up
from localshop.cli.output import LocalshopCommand, Options, Watch
from localshop.config.alone import alone
from localshop.errors import BadInput
from localshop.storage.opening import open_store
from localshop.takeover.home import is_unfinished
from localshop.takeover.take_over import found_in, take_over

KEPT = 3
"""Copies of a SQLite database from before an upgrade."""


class Command(LocalshopCommand):
    """Copies an SQLite database aside, migrates, and says what it did; takes an old localshop over."""

    help = "bring the database to what this version needs, or take over an old localshop"

    def handle(self, *_args: object, **options: Any) -> None:
        """Upgrade, one process at a time."""
        home = config.current().home
        if is_unfinished(home):
            self._take_over(options)
            return
        if not schema.is_initialised():
            raise BadInput(f"There is no localshop in {home} yet: run `localshop init`.")
        # Whoever waited here finds that the other one has done it all.
        with alone(home), migrating.alone():
            self._migrate(options)

    def _take_over(self, options: Options) -> None:
        settings = config.current()
        watch = Watch(self, shown=sys.stderr.isatty())
        with alone(settings.home), migrating.alone():
            if not is_unfinished(settings.home):
                # Another process has done it while this one waited.
                self._migrate(options)
                return
            self.warn(found_in(settings.home))
            setting_up.write_files(settings.home)
            schema.ensure_not_newer()
            migrating.migrate()
            taken = take_over(
                settings,
                open_store(),
                now=datetime.now(UTC),
                tell=lambda done, of: watch.tell(f"{done} of {of} files.", last=done == of),
            )
        shape = {"found": taken.found, **taken.report.shape(), "report": str(taken.path)}
        self.show(options, shape, "\n".join([*taken.report.lines(), f"This is also in {taken.path}."]))

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
