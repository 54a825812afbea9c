"""``localshop advisories``: what is known of malicious and vulnerable packages."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from localshop import config
from localshop.catalog import advisories
from localshop.catalog.journal import Actor
from localshop.catalog.records import AdvisoryRecord
from localshop.cli.output import Group, Options, Shape, lines, table
from localshop.errors import BadInput
from localshop.mirror.advisories import Imported, refresh_advisories, take_in
from localshop.protocol.osv import level
from localshop.shop import open_shop

_ME = Actor("command line")


class Command(Group):
    """Takes advisories in and shows them."""

    help = "take in OSV's advisories about malicious and vulnerable packages, or show them"

    def declare(self) -> None:
        """Declare the actions."""
        take = self.action("import", self._import, "take in OSV's zip of all advisories about PyPI")
        take.add_argument(
            "source", metavar="FILE|URL", nargs="?", help="the zip; LOCALSHOP_ADVISORIES_URL if left out"
        )
        take.add_argument(
            "--replace", action="store_true", help="take it also if it has far fewer than are known here"
        )
        show_all = self.action("list", self._list, "list the advisories")
        show_all.add_argument("--project", default="", metavar="NAME", help="those about this project")
        show_all.add_argument("--malicious", action="store_true", help="those about malicious packages")
        show_all.add_argument(
            "--here", action="store_true", help="those about projects that are mirrored here"
        )
        show = self.action("show", self._show, "show one advisory")
        show.add_argument("id", metavar="ID", help="such as PYSEC-2024-60")

    def _import(self, options: Options) -> None:
        source = options["source"] or config.current().advisories_url
        if not source:
            self.wrong_usage("Name a file or a URL, or set LOCALSHOP_ADVISORIES_URL.")
        if source.startswith(("http://", "https://")):
            found = asyncio.run(_fetch(source, all_of_it=options["replace"]))
        else:
            found = _read(source, all_of_it=options["replace"])
        if found is None:
            self.show(options, {"unchanged": True}, "The advisories are as they were.")
            return
        self.show(options, _imported(found), _in_words(found))

    def _list(self, options: Options) -> None:
        found = list(
            advisories.listed(
                project=options["project"], malicious=options["malicious"], here=options["here"]
            )
        )
        heads = ("id", "projects", "severity", "modified", "summary")
        rows = [(one.name, sorted(one.affected), _severity(one), one.modified, one.summary) for one in found]
        none = "There are none. `localshop advisories import` brings them."
        self.show(options, [_shape(one) for one in found], table(heads, rows, none=none))

    def _show(self, options: Options) -> None:
        one = advisories.advisory(options["id"])
        told = json.loads(one.body)
        pairs: list[tuple[str, object]] = [
            ("id", one.name),
            ("aliases", told.get("aliases") or None),
            ("modified", one.modified),
            ("withdrawn", one.withdrawn or None),
            ("severity", _severity(one)),
            ("summary", one.summary),
        ]
        for project, affected in sorted(one.affected.items()):
            pairs.append((project, f"fixed in {', '.join(affected.fixed_in()) or 'no version'}"))
        self.show(options, told, f"{lines(pairs)}\n\n{told.get('details') or ''}".rstrip())


async def _fetch(url: str, *, all_of_it: bool) -> Imported | None:
    shop = open_shop(config.current())
    try:
        return await refresh_advisories(shop, url, actor=_ME, all_of_it=all_of_it)
    finally:
        await shop.close()


def _read(name: str, *, all_of_it: bool) -> Imported:
    try:
        with Path(name).open("rb") as file:
            return take_in(file, actor=_ME, now=time.time(), all_of_it=all_of_it)
    except OSError as error:
        raise BadInput(f"{name!r} cannot be read: {error.strerror}.") from None


def _severity(one: AdvisoryRecord) -> str:
    if one.malicious:
        return "malicious"
    return f"{level(one.severity)} ({one.severity})" if one.severity is not None else ""


def _shape(one: AdvisoryRecord) -> Shape:
    return {
        "id": one.name,
        "projects": sorted(one.affected),
        "malicious": one.malicious,
        "severity": one.severity,
        "modified": one.modified,
        "withdrawn": one.withdrawn or None,
        "summary": one.summary,
    }


def _imported(found: Imported) -> Shape:
    return {
        "unchanged": False,
        "advisories": found.advisories,
        "changed": found.changed,
        "gone": found.gone,
        "dropped": found.dropped,
        "projects": found.projects,
    }


def _in_words(found: Imported) -> str:
    text = (
        f"{found.advisories} advisories: {found.changed} new or changed, {found.gone} gone, "
        f"about {found.projects} projects."
    )
    if found.dropped:
        text += f" {found.dropped} could not be read, so none was taken for gone."
    return text
