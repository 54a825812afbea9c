"""``localshop repository``: the indexes of this installation."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from localshop import config
from localshop.catalog import networks, repositories
from localshop.catalog.journal import Actor
from localshop.catalog.records import RepositoryRecord
from localshop.cli.cidr import in_words
from localshop.cli.output import Group, Options, Shape, lines, table

_CHANGES = {
    "miss": "miss",
    "fresh": "fresh",
    "reserve": "reserved",
    "file_host": "file_hosts",
    "overwrite": "overwrite",
    "members_only": "members_only",
    "owners_only": "owners_only",
    "strict_record": "strict_record",
}
"""The field of a repository that each option sets."""


class Command(Group):
    """Shows, makes and changes repositories."""

    help = "list, show, create, edit or delete repositories"

    def declare(self) -> None:
        """Declare the actions."""
        self.action("list", self._list, "show all repositories")
        _slug(self.action("show", self._show, "show one repository"))
        _slug(self.action("delete", self._delete, "delete a repository; the bytes of its files stay"))
        create = self.action("create", self._create, "make a repository, with the networks of a new one")
        edit = self.action("edit", self._edit, "change what is given, and leave the rest as it is")
        for parser in (create, edit):
            _slug(parser)
            _options(parser)

    def _list(self, options: Options) -> None:
        found = repositories.every_repository()
        rows = [
            (one.slug, _upstreams(one), one.miss, one.fresh, one.reserved, one.overwrite, one.members_only)
            for one in found
        ]
        heads = ("slug", "upstreams", "miss", "fresh", "reserved", "overwrite", "members only")
        self.show(
            options, [_shape(one) for one in found], table(heads, rows, none="There are no repositories.")
        )

    def _show(self, options: Options) -> None:
        self._tell(options, repositories.repository(options["slug"]))

    def _delete(self, options: Options) -> None:
        gone = repositories.repository(options["slug"])
        repositories.delete_repository(gone.slug, actor=Actor("command line"))
        self.show(options, _shape(gone), f"Repository {gone.slug!r} is deleted.")

    def _create(self, options: Options) -> None:
        settings = config.current()
        upstreams = _wanted_upstreams(options)
        made = repositories.create_repository(
            options["slug"],
            upstreams=[settings.upstream_url] if upstreams is None else upstreams,
            networks=networks.FIRST_NETWORKS,
            changes={
                "fresh": settings.fresh_seconds,
                "overwrite": settings.release_overwrite,
                **_wanted_changes(options),
            },
            actor=Actor("command line"),
        )
        self._tell(options, made)

    def _edit(self, options: Options) -> None:
        upstreams, changes = _wanted_upstreams(options), _wanted_changes(options)
        if upstreams is None and not changes:
            self.wrong_usage(
                "There is nothing to change; `localshop repository edit --help` lists what can be."
            )
        edited = repositories.edit_repository(
            options["slug"], upstreams=upstreams, changes=changes, actor=Actor("command line")
        )
        self._tell(options, edited)

    def _tell(self, options: Options, one: RepositoryRecord) -> None:
        facts = [
            ("slug", one.slug),
            *[(f"upstream {number}", url) for number, url in enumerate(_upstreams(one), start=1)],
            ("file hosts", one.file_hosts),
            ("miss", one.miss),
            ("fresh", f"{one.fresh} s"),
            ("reserved", one.reserved),
            ("overwrite", one.overwrite),
            ("members only", one.members_only),
            ("owners only", one.owners_only),
            ("strict record", one.strict_record),
            *[(f"network {rule.network}", in_words(rule)) for rule in one.networks],
        ]
        self.show(options, _shape(one), lines(facts))


def _slug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slug", metavar="SLUG", help="the repository's name in URLs")


def _options(parser: argparse.ArgumentParser) -> None:
    upstreams = parser.add_mutually_exclusive_group()
    upstreams.add_argument(
        "--upstream", action="append", metavar="URL", help="an index to read from; several in order"
    )
    upstreams.add_argument("--no-upstream", action="store_true", help="read from no other index")
    parser.add_argument(
        "--file-host",
        action="append",
        metavar="HOST",
        help="a host beside the upstreams' own that files may come from; all of them, or '' for none",
    )
    parser.add_argument(
        "--miss", choices=("redirect", "stream", "refuse"), help="what to do for a file that is not here"
    )
    parser.add_argument(
        "--fresh",
        type=_whole(0, 31_536_000),
        metavar="SECONDS",
        help="for how long an upstream's page is served without asking again",
    )
    parser.add_argument(
        "--reserve",
        action="append",
        metavar="PATTERN",
        help="names that are private before their first upload, acme-*; all of them, or '' for none",
    )
    parser.add_argument(
        "--overwrite",
        action=argparse.BooleanOptionalAction,
        help="whether an upload may replace a file that exists",
    )
    parser.add_argument(
        "--owners-only",
        action=argparse.BooleanOptionalAction,
        help="whether only who published a project first, and owners, publish to it",
    )
    parser.add_argument(
        "--strict-record",
        action=argparse.BooleanOptionalAction,
        help="whether a wheel is refused whose RECORD does not fit its content",
    )
    members = parser.add_mutually_exclusive_group()
    members.add_argument(
        "--members-only",
        action="store_true",
        default=None,
        help="only for administrators and users to whom a team gives a role",
    )
    members.add_argument("--open", action="store_false", dest="members_only", help="for every active user")
    parser.set_defaults(members_only=None)


def _wanted_upstreams(options: Options) -> list[str] | None:
    """The upstreams that were asked for; None: nothing was said of them."""
    return [] if options["no_upstream"] else options["upstream"]


def _wanted_changes(options: Options) -> dict[str, object]:
    given = {field: options[option] for option, field in _CHANGES.items() if options[option] is not None}
    return {
        field: [one for one in value if one] if isinstance(value, list) else value
        for field, value in given.items()
    }


def _upstreams(one: RepositoryRecord) -> list[str]:
    return [repositories.public_url(source) for source in one.upstreams]


def _shape(one: RepositoryRecord) -> Shape:
    return {
        "slug": one.slug,
        "upstreams": _upstreams(one),
        "miss": one.miss,
        "fresh": one.fresh,
        "reserved": list(one.reserved),
        "overwrite": one.overwrite,
        "members_only": one.members_only,
    }


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return int(text)

    return read
