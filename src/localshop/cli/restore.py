"""``localshop restore``: brings a backup back into an empty home."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from localshop import config
from localshop.backup import sources
from localshop.backup.bring_back import Restored, bring_back
from localshop.catalog import migrating, schema
from localshop.cli import setting_up
from localshop.cli.output import LocalshopCommand, Options, Watch
from localshop.config.alone import alone
from localshop.errors import BadInput, LocalshopError
from localshop.storage.opening import open_store


class Command(LocalshopCommand):
    """Brings tables and files back, each file against its digest; into an empty home only."""

    help = "bring a backup back, into an empty home"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument(
            "source", metavar="SOURCE", help="a directory with backups, a tar file, or - for one on stdin"
        )
        parser.add_argument(
            "--snapshot", metavar="NAME", help="which one of a directory; the newest if not given"
        )
        parser.add_argument(
            "--without-passwords",
            action="store_true",
            help="leave out the passwords of upstreams, if the secret key is lost that sealed them",
        )
        parser.add_argument(
            "--incomplete", action="store_true", help="bring back what there is, though files are missing"
        )
        parser.add_argument(
            "--progress", action="store_true", help="tell once a second how far it is, also in a file"
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Restore, and tell what is there now."""
        home = config.current().home
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with alone(home), migrating.alone():
            mark = home / schema.RESTORING
            if schema.is_initialised():
                self._go_on(options, mark)
                return
            setting_up.write_files(home)
            mark.touch(mode=0o600)
            try:
                restored = self._restore(options)
            except LocalshopError:
                # Of a backup that was refused nothing is here, so the home is as free as it was.
                if not schema.is_initialised():
                    mark.unlink()
                raise
            mark.unlink()
        self._tell(options, restored)

    def _restore(self, options: Options) -> Restored:
        watch = Watch(self, shown=options["progress"] or sys.stderr.isatty())
        store = open_store()
        opened = sources.opened(
            options["source"], sys.stdin.buffer, snapshot=options["snapshot"], scratch=store.scratch
        )
        with opened as source:
            return bring_back(
                source,
                store,
                passwords=not options["without_passwords"],
                incomplete=options["incomplete"],
                tell=lambda done, of: watch.tell(f"{done} of {of} files.", last=done == of),
            )

    def _go_on(self, options: Options, mark: Path) -> None:
        """The tables are here: that was the last step but one."""
        if not mark.exists():
            raise BadInput(
                f"There is a localshop in {mark.parent} already, and nothing of it is overwritten: a backup "
                "is brought back into an empty home. LOCALSHOP_HOME names another one."
            )
        migrating.migrate()
        mark.unlink()
        self.show(options, {"finished": True}, "The restore that was cut before its end is finished now.")

    def _tell(self, options: Options, restored: Restored) -> None:
        manifest = restored.manifest
        shape = {
            "snapshot": manifest.snapshot,
            **{name: value for name, value in asdict(restored).items() if name != "manifest"},
        }
        text = (
            f"Snapshot {manifest.snapshot} is back: {restored.rows} rows, {restored.files} files, "
            f"{restored.size / 1e6:,.1f} MB, each with the digest that it should have."
        )
        self.show(options, shape, text)
        for sha256 in restored.lacking:
            self.warn(f"The backup has not the file {sha256}; `localshop doctor` names whose it is.")
        for url in restored.passwords_lost:
            self.warn(f"The upstream {url} had a password; give it again with `localshop repository edit`.")
        if restored.lacking:
            sys.exit(1)
