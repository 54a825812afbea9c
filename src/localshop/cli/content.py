"""What the commands on projects, releases and files have in common."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from localshop import config
from localshop.catalog.content import Change
from localshop.catalog.journal import Actor
from localshop.cli.output import Options, Shape


def add_project(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that name a project."""
    parser.add_argument("repository", metavar="REPOSITORY")
    parser.add_argument("project", metavar="PROJECT")


def change(options: Options) -> Change:
    """Who changes which project: whoever may run commands here."""
    return Change(options["repository"], options["project"], Actor("command line"), datetime.now(UTC))


def bytes_too() -> bool:
    """Whether deleting takes the bytes along (``LOCALSHOP_DELETE_FILES``)."""
    return config.current().delete_files


def shape(options: Options, files: list[str]) -> Shape:
    """What a command did, for ``--json``."""
    return {"repository": options["repository"], "project": options["project"], "files": files}


def told(files: list[str], what: str) -> str:
    """What a command did, for people."""
    return "\n".join([f"{what}: {name}" for name in files]) or f"{what}: nothing, there was no file."
