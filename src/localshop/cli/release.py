"""``localshop release``: yank, unyank and delete releases."""

from __future__ import annotations

import argparse

from localshop.catalog import content
from localshop.cli.content import add_project, bytes_too, change, shape, told
from localshop.cli.output import Group, Options
from localshop.storage.removal import remove_bytes


class Command(Group):
    """Changes the releases of private projects."""

    help = "yank, unyank or delete a release"

    def declare(self) -> None:
        """Declare the actions."""
        yank = self.action("yank", self._yank, "withdraw a release: only who names it exactly still gets it")
        _release(yank)
        yank.add_argument("--reason", default="", metavar="TEXT", help="why; clients show it")
        _release(self.action("unyank", self._unyank, "take a yank back"))
        _release(self.action("delete", self._delete, "delete all files of a release"))

    def _yank(self, options: Options) -> None:
        files = content.yank(change(options), options["version"], reason=options["reason"])
        self.show(options, shape(options, files), told(files, "yanked"))

    def _unyank(self, options: Options) -> None:
        files = content.unyank(change(options), options["version"])
        self.show(options, shape(options, files), told(files, "unyanked"))

    def _delete(self, options: Options) -> None:
        files, gone = content.delete_release(change(options), options["version"], bytes_too=bytes_too())
        remove_bytes(gone)
        self.show(options, shape(options, files), told(files, "deleted"))


def _release(parser: argparse.ArgumentParser) -> None:
    add_project(parser)
    parser.add_argument("version", metavar="VERSION")
