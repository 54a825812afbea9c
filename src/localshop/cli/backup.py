"""``localshop backup``: copies everything, while everybody works."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandParser

from localshop.backup.take import Progress, Taken, Tell, take
from localshop.backup.targets import Tar, opened
from localshop.cli.output import LocalshopCommand, Options, Watch
from localshop.storage.opening import open_store


class Command(LocalshopCommand):
    """Takes a consistent pair of tables and files, into a directory or a tar file."""

    help = "copy tables and files, a consistent pair, while everybody works"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument(
            "target",
            metavar="TARGET",
            help="a directory, in which files that are there are not copied again; a name that ends in .tar; "
            "or - for a tar file on stdout",
        )
        parser.add_argument(
            "--keep", type=_number, metavar="N", default=0, help="remove all but the newest N snapshots"
        )
        parser.add_argument(
            "--progress", action="store_true", help="tell once a second how far it is, also in a file"
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Take a backup, tell, and end with 1 if files of it are lost or damaged."""
        target = options["target"]
        if target == "-" and options["json"]:
            self.wrong_usage("With - the tar file is on stdout, so there is no room for --json.")
        watch = Watch(self, shown=options["progress"] or sys.stderr.isatty())
        if target == "-":
            taken = self._tar(sys.stdout.buffer, watch)
        elif target.endswith(".tar"):
            taken = self._tar_file(Path(target), watch)
        else:
            with opened(Path(target).absolute()) as directory:
                taken = take(
                    directory, open_store(), now=datetime.now(UTC), keep=options["keep"], tell=_telling(watch)
                )
        self._tell(options, taken)

    def _tar(self, out: BinaryIO, watch: Watch) -> Taken:
        store = open_store()
        return take(Tar(out, store.scratch), store, now=datetime.now(UTC), tell=_telling(watch))

    def _tar_file(self, path: Path, watch: Watch) -> Taken:
        # A backup that was cut must not stand where a whole one was.
        unfinished = path.with_name(f"{path.name}.unfinished")
        with unfinished.open("wb") as out:
            taken = self._tar(out, watch)
        unfinished.replace(path)
        return taken

    def _tell(self, options: Options, taken: Taken) -> None:
        manifest = taken.manifest
        shape = {
            **asdict(manifest),
            "target": options["target"],
            "copied": taken.copied,
            "copied_size": taken.copied_size,
            "removed": taken.removed,
        }
        text = (
            f"Snapshot {manifest.snapshot}: {manifest.files} files, {manifest.size / 1e6:,.1f} MB, of which "
            f"{taken.copied} were not there yet, {taken.copied_size / 1e6:,.1f} MB."
        )
        if taken.removed:
            text += f"\nOlder snapshots removed: {', '.join(taken.removed)}."
        if options["target"] == "-":
            self.warn(text)
        else:
            self.show(options, shape, text)
        for what, digests in (("lost", manifest.missing), ("damaged", manifest.damaged)):
            for sha256 in digests:
                self.warn(
                    f"The stored file {sha256} is {what}, so the backup has it not; see `localshop verify`."
                )
        if manifest.missing or manifest.damaged:
            sys.exit(1)


def _telling(watch: Watch) -> Tell:
    def tell(progress: Progress) -> None:
        watch.tell(f"{progress.done} of {progress.of} files.", last=progress.done == progress.of)

    return tell


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number of snapshots")
    return int(text)
