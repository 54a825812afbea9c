"""Names of members: which stay inside of the directory that an archive is unpacked to, on every system."""

from __future__ import annotations

import re
import stat

from localshop.errors import UploadRefused
from localshop.protocol.archives.rules import quoted

LONGEST = 4096
DEEPEST = 100

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:")


def check(name: str) -> None:
    r"""Refuse a member's name that leads out of the archive, or that two readers take for two names.

    ``a//b``, ``./a`` and ``a\b`` are as bad as ``../a``: a check of one spelling misses the other.
    """
    if len(name) > LONGEST or name.count("/") > DEEPEST or _CONTROL.search(name):
        raise UploadRefused(
            "member-name",
            f"The archive has a member {quoted(name)}, whose name is too long or deep, or not printable.",
        )
    if not leads_inside(name):
        raise UploadRefused(
            "member-path", f"The archive has a member {quoted(name)}, whose path is not plain."
        )


def leads_inside(path: str) -> bool:
    r"""Tell whether a path is relative, with ``/`` only, without ``.``, ``..``, empty parts or a drive."""
    if "\\" in path or _DRIVE.match(path):
        return False
    return not any(part in {"", ".", ".."} for part in path.split("/"))


def check_mode(name: str, mode: int) -> None:
    """Refuse a ZIP member that is no plain file or directory by its Unix mode (0: none is given)."""
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        raise UploadRefused(
            "member-link", f"The archive has a link, {quoted(name)}, which a ZIP may not have."
        )
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise UploadRefused("member-special", f"The archive has {quoted(name)}, a device, pipe or socket.")
