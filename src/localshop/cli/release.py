"""``localshop release``: yank, unyank, hold, let go and delete releases."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from localshop.catalog import content, held, repositories
from localshop.catalog.content import Change
from localshop.cli.content import add_project, bytes_too, change, shape, told
from localshop.cli.output import Group, Options, Shape
from localshop.errors import BadInput
from localshop.protocol.filenames import version_or_none
from localshop.protocol.names import normalise
from localshop.storage.removal import remove_bytes


class Command(Group):
    """Changes the releases of private projects, and holds bad ones of all projects back."""

    help = "yank, unyank, hold, let go or delete a release"

    def declare(self) -> None:
        """Declare the actions."""
        yank = self.action("yank", self._yank, "withdraw a release: only who names it exactly still gets it")
        _release(yank)
        yank.add_argument("--reason", default="", metavar="TEXT", help="why; clients show it")
        _release(self.action("unyank", self._unyank, "take a yank back"))
        hold = self.action("hold", self._hold, "hide a release at once, whatever rules and passes say")
        _release(hold)
        hold.add_argument("--reason", required=True, metavar="TEXT", help="why; clients show it")
        let_go = self.action("unhold", self._unhold, "let a release go that was held back")
        _release(let_go)
        for one in (hold, let_go):
            one.add_argument(
                "--everywhere", action="store_true", help="in every repository, not this one alone"
            )
        _release(self.action("delete", self._delete, "delete all files of a release"))

    def _yank(self, options: Options) -> None:
        files = content.yank(change(options), options["version"], reason=options["reason"])
        self.show(options, shape(options, files), told(files, "yanked"))

    def _unyank(self, options: Options) -> None:
        files = content.unyank(change(options), options["version"])
        self.show(options, shape(options, files), told(files, "unyanked"))

    def _hold(self, options: Options) -> None:
        changes = _changes(options)
        for one in changes:
            held.hold(one, options["version"], reason=options["reason"])
        self.show(options, _told_of(options, changes), _in_words(options, changes, "held back"))

    def _unhold(self, options: Options) -> None:
        changes = [one for one in _changes(options) if not options["everywhere"] or _is_held(one, options)]
        if not changes:
            raise BadInput(f"{options['project']} {options['version']} is held back nowhere.")
        for one in changes:
            held.unhold(one, options["version"])
        self.show(options, _told_of(options, changes), _in_words(options, changes, "let go"))

    def _delete(self, options: Options) -> None:
        files, gone = content.delete_release(change(options), options["version"], bytes_too=bytes_too())
        remove_bytes(gone)
        self.show(options, shape(options, files), told(files, "deleted"))


def _release(parser: argparse.ArgumentParser) -> None:
    add_project(parser)
    parser.add_argument("version", metavar="VERSION")


def _changes(options: Options) -> list[Change]:
    """One change, or one for each repository; first that of the repository that was named."""
    here = change(options)
    repository = repositories.repository(here.repository)
    if not options["everywhere"]:
        return [here]
    others = [one.slug for one in repositories.every_repository() if one.id != repository.id]
    return [here, *(replace(here, repository=slug) for slug in others)]


def _is_held(one: Change, options: Options) -> bool:
    wanted = version_or_none(options["version"])
    found = held.holds_of(repositories.repository(one.repository).id, normalise(one.project))
    return any(version_or_none(hold.version) == wanted for hold in found)


def _told_of(options: Options, changes: Sequence[Change]) -> Shape:
    return {
        "project": normalise(options["project"]),
        "version": options["version"],
        "repositories": [one.repository for one in changes],
    }


def _in_words(options: Options, changes: Sequence[Change], what: str) -> str:
    where = ", ".join(one.repository for one in changes)
    return f"{normalise(options['project'])} {options['version']} is {what} in {where}."
