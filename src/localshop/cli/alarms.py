"""``localshop alarms``: releases that are or were here and have turned out bad."""

from __future__ import annotations

from datetime import UTC, datetime

from localshop.catalog import alarms
from localshop.catalog.journal import Actor
from localshop.catalog.records import AlarmRecord
from localshop.cli.output import Group, Options, Shape, moment, table


class Command(Group):
    """Lists alarms, and notes that one is dealt with."""

    help = "list the releases that have turned out bad, or say that one is dealt with"

    def declare(self) -> None:
        """Declare the actions."""
        listing = self.action("list", self._list, "list the alarms that nobody has dealt with")
        listing.add_argument("--all", action="store_true", help="also those that are dealt with")
        done = self.action("close", self._close, "say that an alarm is dealt with")
        done.add_argument("id", type=int, metavar="ID")

    def _list(self, options: Options) -> None:
        found = alarms.listed(closed=options["all"])
        heads = ("id", "at", "repository", "project", "version", "cause", "why", "closed")
        rows = [
            (
                *(one.id, moment(one.at), one.bad.repository, one.bad.project, one.bad.version),
                *(one.bad.cause, one.bad.sentence, moment(one.closed)),
            )
            for one in found
        ]
        self.show(options, [_shape(one) for one in found], table(heads, rows, none="There are none."))

    def _close(self, options: Options) -> None:
        one = alarms.close(options["id"], actor=Actor("command line"), at=datetime.now(UTC))
        self.show(options, _shape(one), f"Alarm {one.id} is closed.")


def _shape(one: AlarmRecord) -> Shape:
    return {
        "id": one.id,
        "at": moment(one.at),
        "repository": one.bad.repository,
        "project": one.bad.project,
        "version": one.bad.version,
        "cause": one.bad.cause,
        "source": one.bad.source,
        "sentence": one.bad.sentence,
        "closed": moment(one.closed),
        "closed_by": one.closed_by or None,
    }
