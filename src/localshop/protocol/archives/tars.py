"""Members of a tar.gz archive, one after the other, once it is certain that none leads out of it.

The standard library's reader is not used to walk them: it takes headers of any length into memory, and by
its leniency sees members where others see none.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from localshop.errors import UploadRefused
from localshop.protocol.archives.gzips import Unzipped
from localshop.protocol.archives.rules import ARCHIVES, Limits, Remark, quoted, some
from localshop.protocol.archives.tarheaders import Headers, Kind, TarMember, damaged, padded

_SHOWN = 3


class Tar:
    """A walk through an archive. After it, ``names`` has what each member is, and ``remarks`` what was odd.

    ``guarded``: the last part of the names of members that must be plain and there once.
    """

    def __init__(self, stream: Unzipped, *, limits: Limits, guarded: str) -> None:
        self.names: dict[str, Kind] = {}
        self._stream = stream
        self._limits = limits
        self._guarded = guarded
        self._repeated: list[str] = []
        self._linked: set[str] = set()

    @property
    def remarks(self) -> tuple[Remark, ...]:
        if not self._repeated:
            return ()
        shown = some(self._repeated[:_SHOWN], len(self._repeated))
        return (Remark("tar-duplicate", f"The archive has members more than once: {shown}."),)

    def walk(self) -> Iterator[TarMember]:
        """Give each member; its content may be read from the stream before the next one is asked for."""
        headers = Headers(self._stream, limits=self._limits)
        while (member := headers.next()) is not None:
            self._take_note(member)
            end = self._stream.position + padded(member.size)
            yield member
            if not self._stream.skip(end - self._stream.position):
                raise damaged(f"its member {quoted(member.name)} is cut")
        if not self._stream.only_zeros_left():
            raise UploadRefused(
                "tar-trailing-data", "Behind the end of the tar archive is more data.", link=ARCHIVES
            )
        self._check_ways()

    def _take_note(self, member: TarMember) -> None:
        known = self.names.get(member.name)
        if known is not None and not (known == member.kind == "directory"):
            # Through a name that is a link already, an unpacker may write onto the link's target.
            if (
                not (known == member.kind == "file")
                or member.name in self._linked
                or member.name.rpartition("/")[2] == self._guarded
            ):
                raise UploadRefused(
                    "tar-ambiguous", f"The archive has two members {quoted(member.name)}.", link=ARCHIVES
                )
            self._repeated.append(member.name)
        if member.kind == "symlink":
            _check_symlink(member)
        elif member.kind == "hardlink":
            self._check_hardlink(member)
        self.names[member.name] = member.kind

    def _check_hardlink(self, member: TarMember) -> None:
        if self.names.get(member.target) != "file":
            raise UploadRefused(
                "member-link",
                f"{quoted(member.name)} is a hard link to {quoted(member.target)}, no file before it.",
                link=ARCHIVES,
            )
        self._linked.add(member.target)

    def _check_ways(self) -> None:
        """Refuse members below a link, or below a file: an unpacker would follow the link."""
        if all(kind in {"directory", "file"} for kind in self.names.values()):
            return
        for name in self.names:
            above = posixpath.dirname(name)
            while above:
                if self.names.get(above, "directory") != "directory":
                    raise UploadRefused(
                        "member-link",
                        f"The way to member {quoted(name)} leads through {quoted(above)}, a "
                        f"{self.names[above]}.",
                        link=ARCHIVES,
                    )
                above = posixpath.dirname(above)


def _check_symlink(member: TarMember) -> None:
    """Refuse a link that leads out of the archive's one directory, taken by itself or through another link.

    ``..`` counts at the beginning only: behind a directory's name, that name could be a link that leads
    elsewhere, and ``..`` from there leads out.
    """
    parts = member.target.split("/")
    ups = next((place for place, part in enumerate(parts) if part != ".."), len(parts))
    depth = member.name.count("/")
    if member.target.startswith("/") or "\\" in member.target or ups >= depth or ".." in parts[ups:]:
        raise UploadRefused(
            "member-link",
            f"{quoted(member.name)} is a link to {quoted(member.target)}, outside of its directory.",
            link=ARCHIVES,
        )
