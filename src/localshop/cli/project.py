"""``localshop project``: delete projects, turn them private, mark them with a status."""

from __future__ import annotations

from localshop.catalog import content
from localshop.cli.content import add_project, bytes_too, change, shape, told
from localshop.cli.output import Group, Options
from localshop.storage.removal import remove_bytes


class Command(Group):
    """Changes whole projects."""

    help = "delete a project, turn it private, or mark it with a status"

    def declare(self) -> None:
        """Declare the actions."""
        add_project(self.action("delete", self._delete, "delete all files of a project"))
        about = "make a mirrored project private: its upstream is not asked for it any more"
        add_project(self.action("private", self._private, about))
        status = self.action("status", self._status, "mark a private project: what clients are told of it")
        add_project(status)
        status.add_argument(
            "status", metavar="STATUS", choices=content.STATUSES, help=", ".join(content.STATUSES)
        )
        status.add_argument("--reason", default="", metavar="TEXT", help="why; clients show it")

    def _delete(self, options: Options) -> None:
        files, gone = content.delete_project(change(options), bytes_too=bytes_too())
        remove_bytes(gone)
        self.show(options, shape(options, files), told(files, "deleted"))

    def _private(self, options: Options) -> None:
        content.turn_private(change(options))
        self.show(options, shape(options, []), f"{options['project']} is private now.")

    def _status(self, options: Options) -> None:
        content.set_status(change(options), options["status"], reason=options["reason"])
        result = {**shape(options, []), "status": options["status"], "reason": options["reason"]}
        self.show(options, result, f"{options['project']} is {options['status']} now.")
