"""entry_points.txt of a wheel: installers write scripts from it, so its names become names of files."""

from __future__ import annotations

import configparser
import re

from localshop.errors import UploadRefused
from localshop.protocol.archives.rules import ENTRY_POINTS, quoted

# Python's reader takes time by the square of a line's length.
LARGEST, LONGEST_LINE = 2**18, 1000

_SCRIPTS = ("console_scripts", "gui_scripts")
_NAME = re.compile(r"[\w.-]+\Z")
_DOTS = re.compile(r"\.+\Z")
# The specification's object reference, "module" or "module:object", and extras as they once were allowed.
_REFERENCE = re.compile(r"[\w.]+\s*(?::\s*[\w.]+)?\s*(?:\[[\w\s,.-]*\])?\Z")


class _Parser(configparser.ConfigParser):
    def optionxform(self, optionstr: str) -> str:
        # Names of entry points are case-sensitive.
        return optionstr


def check(data: bytes, *, what: str) -> None:
    """Refuse entry points that cannot be read, or whose scripts would be more than a call.

    A script's value goes into the text of a program, and its name is joined to a directory.
    """
    if len(data) > LARGEST or max(map(len, data.splitlines()), default=0) > LONGEST_LINE:
        raise UploadRefused(
            "entry-points", f"{what} is too large, or has too long a line.", link=ENTRY_POINTS
        )
    parser = _Parser(delimiters=("=",), interpolation=None)
    try:
        parser.read_string(data.decode("utf-8"), what)
    except (configparser.Error, UnicodeDecodeError) as error:
        shown = quoted(str(error).replace("\n", " "), longest=200)
        raise UploadRefused("entry-points", f"{what} cannot be read: {shown}.", link=ENTRY_POINTS) from error
    for group in _SCRIPTS:
        for name, value in parser.items(group) if parser.has_section(group) else ():
            if not _NAME.match(name) or _DOTS.match(name):
                raise UploadRefused(
                    "entry-points",
                    f"{what} has a script {quoted(name)}, which is no name.",
                    link=ENTRY_POINTS,
                )
            if not _REFERENCE.match(value):
                raise UploadRefused(
                    "entry-points",
                    f"{what} has a script {quoted(name)} that calls {quoted(value)}, which is no reference.",
                    link=ENTRY_POINTS,
                )
