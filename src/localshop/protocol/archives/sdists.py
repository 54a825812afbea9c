"""An sdist from the inside: one directory at its top with PKG-INFO in it, and nothing that leads out."""

from __future__ import annotations

from typing import BinaryIO

from localshop.errors import UploadRefused
from localshop.protocol.archives import zipframe, zips
from localshop.protocol.archives.contents import Contents, one_root
from localshop.protocol.archives.gzips import Unzipped
from localshop.protocol.archives.rules import SDISTS, Limits, Remark, quoted
from localshop.protocol.archives.tars import Tar

_INFO = "PKG-INFO"


def read_tar(file: BinaryIO, *, limits: Limits) -> Contents:
    """Look through a ``.tar.gz``; raises UploadRefused."""
    stream = Unzipped(file, limit=limits.unpacked(file.seek(0, 2)))
    file.seek(0)
    tar = Tar(stream, limits=limits, guarded=_INFO)
    found: dict[str, bytes] = {}
    for member in tar.walk():
        if member.name.count("/") == 1 and member.name.endswith(f"/{_INFO}"):
            if member.kind != "file":
                raise UploadRefused(
                    "member-link", f"{quoted(member.name)} is a {member.kind} instead of a file.", link=SDISTS
                )
            if member.size > limits.metadata:
                raise UploadRefused(
                    "metadata-too-large",
                    f"{quoted(member.name)} has {member.size} bytes; {limits.metadata} are allowed.",
                )
            if not found:
                found[member.name] = stream.read(member.size)
    root = one_root(tar.names)
    what = f"{root}/{_INFO}"
    if what not in found:
        raise _missing(what)
    return Contents(root, what, found[what], f"{root}/", tar.names.keys(), tar.remarks)


def read_zip(file: BinaryIO, *, limits: Limits) -> Contents:
    """Look through a ``.zip``, which sdists were until PEP 625; raises UploadRefused."""
    members = zipframe.members(file, limits=limits)
    root = one_root([member.name for member in members])
    what = f"{root}/{_INFO}"
    metadata = None
    for member in members:
        if member.name == what:
            metadata = zips.whole(file, member, limit=limits.metadata)
            continue
        for _ in zips.pieces(file, member):
            pass
    if metadata is None:
        raise _missing(what)
    legacy = Remark("sdist-zip", "An sdist is a .tar.gz since PEP 625; PyPI takes no .zip any more.")
    names = {member.name for member in members}
    return Contents(root, what, metadata, f"{root}/", names, (legacy, *zips.remarks(members)))


def _missing(what: str) -> UploadRefused:
    return UploadRefused("metadata-missing", f"The sdist has no file {quoted(what)}.", link=SDISTS)
