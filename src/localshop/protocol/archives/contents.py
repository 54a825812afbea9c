"""What comes of looking through a wheel or an sdist."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from localshop.errors import UploadRefused
from localshop.protocol.archives.rules import SDISTS, Remark, quoted


@dataclass(frozen=True, slots=True)
class Contents:
    """An archive from the inside.

    ``root``: the directory whose name tells project and version (without ``.dist-info``). ``metadata``: the
    bytes of METADATA or PKG-INFO, and ``what`` its path. ``licences``: the directory that License-File starts
    from, with the slash. ``names``: those of all members.
    """

    root: str
    what: str
    metadata: bytes
    licences: str
    names: Collection[str]
    remarks: tuple[Remark, ...]


def one_root(names: Collection[str]) -> str:
    """Give the one directory at the top of an sdist; refuses to find several, or files beside it."""
    tops = {name.partition("/")[0] for name in names}
    if len(tops) != 1:
        found = ", ".join(quoted(top) for top in sorted(tops)[:3]) or "nothing"
        raise UploadRefused(
            "sdist-directory",
            f"At the top of an sdist is one directory named after project and version; here: {found}.",
            link=SDISTS,
        )
    return tops.pop()
