"""Requirements: one by one, in the lines of a requirements file as pip reads it, and in METADATA."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement

from localshop.errors import BadInput
from localshop.protocol import names

_SHOWN = 200
_COMMENT = re.compile(r"(^|\s+)#.*$")
_ELSEWHERE = re.compile(
    r"[./~]|[a-z][a-z0-9+.-]*:|[^\s;@]*[/\\]|\S+\.(whl|zip|tar\.gz|tar\.bz2)\b", re.IGNORECASE
)
"""How a line begins that names a directory, a file or a URL instead of a project."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A project that is wanted, and how; ``sha256``: the only digests that may be, empty: any."""

    requirement: Requirement
    sha256: frozenset[str] = frozenset()


@dataclass(slots=True)
class Listed:
    """What a requirements file says.

    ``includes`` and ``constraints`` are paths of other files as they stand there, relative to it.
    ``skipped``: in sentences, what comes from no package index.
    """

    wishes: list[Wish] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    prereleases: bool = False


def read_requirement(text: str) -> Requirement:
    """Read one requirement (PEP 508) of a project in an index; raises BadInput."""
    try:
        found = Requirement(text)
    except (InvalidRequirement, RecursionError) as error:
        told = " ".join(str(error).splitlines()[0].split()).rstrip(".")
        raise BadInput(f"{text[:_SHOWN]!r} is no requirement: {told}.") from error
    if not names.is_name(found.name):
        raise BadInput(f"{text[:_SHOWN]!r} is no requirement: its name is none.")
    if found.url is not None:
        raise BadInput(f"{text[:_SHOWN]!r} names a URL, which is no package index.")
    return found


def read_requirements(data: bytes, name: str) -> Listed:
    """Read a requirements file in pip's format; ``name`` is for sentences. Raises BadInput.

    Which index is used is the repository's matter, so options that name one are passed over.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{name} is no text in UTF-8.") from error
    listed = Listed()
    for number, line in _lines(text):
        try:
            if line.startswith("-"):
                _option_line(line, listed, name)
            else:
                _requirement_line(line, listed, name)
        except BadInput as error:
            raise BadInput(f"{name}, line {number}: {error.sentence}") from error
    return listed


def requires(metadata: bytes) -> list[Requirement]:
    """What a release needs, by its METADATA (``Requires-Dist``); what cannot be read is left out."""
    raw, _ = parse_email(metadata)
    found = []
    for text in raw.get("requires_dist", []):
        try:
            found.append(read_requirement(text))
        except BadInput:
            continue
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Give the lines with the number of their first one: joined at backslashes, without comments, as pip."""
    gathered, first = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        first = first or number
        is_comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not is_comment:
            gathered += line[:-1]
            continue
        # A comment ends a line that was to go on; the blank makes it one behind other text, too.
        if whole := _COMMENT.sub("", f"{gathered} {line}" if is_comment else gathered + line).strip():
            yield first, whole
        gathered, first = "", 0
    if last := _COMMENT.sub("", gathered).strip():
        yield first, last


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message[:_SHOWN]}.")


def _option_parser() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("-r", "--requirement", action="append", default=[])
    parser.add_argument("-c", "--constraint", action="append", default=[])
    parser.add_argument("-e", "--editable", action="append", default=[])
    parser.add_argument("--pre", action="store_true")
    for flag in ("--no-index", "--prefer-binary", "--require-hashes"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("-i", "--index-url", "--pypi-url")
    parser.add_argument("-f", "--find-links")
    for option in ("--extra-index-url", "--trusted-host", "--no-binary", "--only-binary", "--use-feature"):
        parser.add_argument(option)
    return parser


def _hash_parser() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--hash", action="append", default=[])
    for option in ("-C", "--config-settings", "--config-setting", "--global-option"):
        parser.add_argument(option, action="append")
    return parser


_OPTIONS, _HASHES = _option_parser(), _hash_parser()


def _option_line(line: str, listed: Listed, name: str) -> None:
    said = _OPTIONS.parse_args(_words(line))
    listed.includes += said.requirement
    listed.constraints += said.constraint
    listed.skipped += [f"{one} comes from no package index ({name})." for one in said.editable]
    listed.prereleases |= said.pre


def _requirement_line(line: str, listed: Listed, name: str) -> None:
    text, options = re.match(r"(.*?)(?:\s(-.*))?\Z", line).groups(default="")  # type: ignore[union-attr]
    said = _HASHES.parse_args(_words(options))
    if _ELSEWHERE.match(text) or _is_url(text):
        listed.skipped.append(f"{text} comes from no package index ({name}).")
        return
    pairs = [one.partition(":") for one in said.hash]
    sha256 = frozenset(digest.lower() for kind, _, digest in pairs if kind == "sha256")
    listed.wishes.append(Wish(read_requirement(text), sha256))


def _is_url(text: str) -> bool:
    try:
        return Requirement(text).url is not None
    except (InvalidRequirement, RecursionError):
        return False


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise BadInput(f"{str(error).lower()}.") from error
