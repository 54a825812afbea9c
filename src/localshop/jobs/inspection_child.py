"""The process that looks into a wheel or an sdist for people, under limits that it cannot lift.

Its arguments are two names and two paths: of a file, and of the one of the release before it, empty if
there is none. It writes a report in JSON (see ``report``). Nothing is unpacked to the disk or run.
"""

from __future__ import annotations

import configparser
import difflib
import json
import re
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from localshop.jobs.child import limit
from localshop.jobs.inspection_archive import walk

_SECONDS = 60
_MEMORY = 1 << 30
_MOST_NAMES = 3000
"""How many names a list has; the number of all is told beside it."""
_LARGEST_TEXT = 100_000
"""Bytes of a member whose lines are compared or shown."""
_MOST_TEXT = 64 << 20
"""Characters of one archive that are kept for comparing."""
_MOST_LINES = 3000
_LONGEST_DIFFERENCE = 200_000
"""Characters of all lines that differ."""
_ENOUGH = 20.0
"""Seconds of processor time after which no more lines are compared."""

# What a machine runs directly, by its first bytes: ELF, Windows, macOS, WebAssembly.
_BINARIES = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa", b"\x00asm")
_BUILDS = re.compile(r"(?:setup\.py|setup\.cfg|pyproject\.toml|meson\.build|CMakeLists\.txt|build\.rs)\Z")


@dataclass(frozen=True, slots=True)
class Seen:
    """One member: its size in bytes, a digest of its content, and its text if it is a small one."""

    size: int
    digest: str
    text: str | None
    binary: bool


def main() -> None:
    """Write the report on the files of the arguments."""
    name, path, old_name, old_path = sys.argv[1:5]
    limit(seconds=_SECONDS, memory=_MEMORY)
    old = look_into(old_name, Path(old_path)) if old_path else None
    json.dump(report(look_into(name, Path(path)), old), sys.stdout)


def look_into(filename: str, path: Path) -> dict[str, Seen]:
    """All files in an archive by their names, each read to its end."""
    found: dict[str, Seen] = {}
    texts = 0
    for name, pieces in walk(path, filename):
        seen = _seen(pieces)
        texts += len(seen.text or "")
        if texts > _MOST_TEXT:
            seen = replace(seen, text=None)
        # Of two with one name, one tool unpacks the first and another one the last.
        found[f"{name} (once more)" if name in found else name] = seen
    return found


def report(new: Mapping[str, Seen], old: Mapping[str, Seen] | None) -> dict[str, Any]:
    """What there is to know of a file before one trusts it.

    ``members``: name and size of each. ``startup``: what Python runs whenever it starts (``.pth``, and
    ``.start``, PEP 829), with its text. ``builds``: what is run or read when it is built. ``entry_points``
    by group. ``scripts`` and ``binaries``: names. ``difference``: from the release before, None without one.
    """
    return {
        "count": len(new),
        "unpacked": sum(seen.size for seen in new.values()),
        "members": [[name, seen.size] for name, seen in _some(sorted(new.items()))],
        "startup": [
            [name, _shown(seen)] for name, seen in sorted(new.items()) if name.endswith((".pth", ".start"))
        ],
        "builds": [[name, _shown(seen)] for name, seen in sorted(new.items()) if _BUILDS.match(name)],
        "entry_points": _entry_points(new),
        "scripts": _some(sorted(name for name in new if name.startswith("data/scripts/"))),
        "binaries": _some(sorted(name for name, seen in new.items() if seen.binary)),
        "difference": _difference(new, old) if old is not None else None,
    }


def _seen(pieces: Iterable[bytes]) -> Seen:
    digest, size, head = blake2b(digest_size=16), 0, bytearray()
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        head += piece[: max(0, _LARGEST_TEXT + 1 - len(head))]
    binary = bytes(head[:4]).startswith(_BINARIES)
    return Seen(size, digest.hexdigest(), None if binary else _text(head), binary)


def _text(head: bytearray) -> str | None:
    if len(head) > _LARGEST_TEXT or b"\0" in head:
        return None
    try:
        return head.decode()
    except UnicodeDecodeError:
        return None


def _shown(seen: Seen) -> str:
    return seen.text[:4000] if seen.text is not None else "(it is not text)"


def _some(items: Iterable[Any]) -> list[Any]:
    return list(items)[:_MOST_NAMES]


def _entry_points(new: Mapping[str, Seen]) -> dict[str, list[str]]:
    told = new.get("dist-info/entry_points.txt")
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # Names keep their case.
    try:
        parser.read_string((told.text if told else None) or "")
    except configparser.Error:
        return {}
    return {
        group: [f"{name} = {value}" for name, value in parser.items(group)][:_MOST_NAMES]
        for group in parser.sections()
    }


def _difference(new: Mapping[str, Seen], old: Mapping[str, Seen]) -> dict[str, Any]:
    """What was added, taken away and changed, and the lines of what is text."""
    changed = sorted(name for name in new.keys() & old.keys() if new[name].digest != old[name].digest)
    added, removed = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    lines, length, cut, begin = [], 0, False, time.process_time()
    for name in [*changed, *added]:
        if name == "dist-info/RECORD":
            # It is nothing but the digests of the others.
            continue
        if length > _LONGEST_DIFFERENCE or time.process_time() - begin > _ENOUGH:
            cut = True
            break
        told = _lines(name, new[name], old.get(name))
        lines.append([name, told[: _LONGEST_DIFFERENCE - length]])
        length += len(told)
    return {
        "added": _some(added),
        "removed": _some(removed),
        "changed": _some(changed),
        "counts": [len(added), len(removed), len(changed)],
        "lines": [one for one in lines if one[1]],
        "cut": cut,
    }


def _lines(name: str, new: Seen, old: Seen | None) -> str:
    before = old.text if old is not None else ""
    if new.text is None or before is None:
        return ""
    here, there = new.text.splitlines(), before.splitlines()
    if max(len(here), len(there)) > _MOST_LINES:
        return ""
    return "\n".join(difflib.unified_diff(there, here, name, name, lineterm="", n=2))


if __name__ == "__main__":
    main()
