"""``localshop file``: delete single files."""

from __future__ import annotations

from localshop.catalog import content
from localshop.cli.content import add_project, bytes_too, change, shape, told
from localshop.cli.output import Group, Options
from localshop.storage.removal import remove_bytes


class Command(Group):
    """Changes single files."""

    help = "delete a file"

    def declare(self) -> None:
        """Declare the one action."""
        delete = self.action("delete", self._delete, "delete one file; its name stays taken")
        add_project(delete)
        delete.add_argument("filename", metavar="FILENAME")

    def _delete(self, options: Options) -> None:
        files, gone = content.delete_file(change(options), options["filename"], bytes_too=bytes_too())
        remove_bytes(gone)
        self.show(options, shape(options, files), told(files, "deleted"))
