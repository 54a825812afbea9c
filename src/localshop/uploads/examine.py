"""Whether a file that was uploaded may be published: every check, in order, and what is known of it then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from localshop.errors import UploadRefused
from localshop.protocol import coremetadata, filenames, names
from localshop.protocol.archives import sdists, wheels
from localshop.protocol.archives.contents import Contents
from localshop.protocol.archives.rules import METADATA, SDISTS, WHEELS, Limits, Remark, quoted
from localshop.protocol.coremetadata import CoreMetadata
from localshop.protocol.filenames import Kind
from localshop.uploads import claims
from localshop.uploads.claims import Claim, Measured, Named

__all__ = ["Claim", "Examined", "Limits", "Measured", "Remark", "examine"]


@dataclass(frozen=True, slots=True)
class Examined:
    """A file that may be published, as it describes itself.

    ``project`` is normalised, ``name`` as written in the metadata, ``version`` in its normal form (PEP 440).
    ``metadata``: METADATA or PKG-INFO, byte for byte. ``remarks`` are for people, in the order of the checks.
    """

    filename: str
    project: str
    name: str
    version: str
    kind: Kind
    metadata: bytes
    requires_python: str | None
    summary: str
    remarks: tuple[Remark, ...]


DEFAULT_LIMITS = Limits()


def examine(
    path: Path,
    claim: Claim,
    measured: Measured,
    *,
    strict_record: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> Examined:
    """Examine a file on disk together with what the form says of it.

    The file's own metadata is the truth; the form and the file name have to agree with it. Cheap checks come
    first. Nothing is unpacked to disk and nothing of the file is run, but all of its content passes through:
    for a large file this takes seconds, and belongs into a thread. ``strict_record``: refuse a wheel whose
    RECORD does not fit its content, instead of remarking on it. Raises UploadRefused.
    """
    named, remarks = claims.read_names(claim)
    remarks = claims.check_digests(claim, measured) + remarks
    with path.open("rb") as file:
        if named.kind == "wheel":
            contents = wheels.read(file, tags=named.tags, strict_record=strict_record, limits=limits)
        elif claim.filename.endswith(".zip"):
            contents = sdists.read_zip(file, limits=limits)
        else:
            contents = sdists.read_tar(file, limits=limits)
    _check_root(contents, named)
    core = coremetadata.read(contents.metadata, what=contents.what)
    claims.check_same(core.name, named.project, what=_tells(contents, core.name), other=claim.filename)
    claims.check_same_version(
        core.version, named.version, what=_tells(contents, str(core.version)), other=claim.filename
    )
    _check_licences(contents, core)
    return Examined(
        filename=claim.filename,
        project=named.project,
        name=core.name,
        version=str(core.version),
        kind=named.kind,
        metadata=contents.metadata,
        requires_python=core.requires_python,
        summary=core.summary,
        remarks=(
            *remarks,
            *claims.remark_spelling(claim.filename, named, core.version),
            *contents.remarks,
            *core.remarks,
        ),
    )


def _tells(contents: Contents, value: str) -> str:
    return f"{contents.what} says {quoted(value)}"


def _check_root(contents: Contents, named: Named) -> None:
    """Check that the directory named after project and version is named after these (both specifications)."""
    name, _, version = contents.root.rpartition("-")
    if named.kind == "sdist":
        # The same rules as for the file's name, as older tools have dashes in the names of both.
        found = filenames.parse(f"{contents.root}.tar.gz", named.project)
        name, version = (found.project, found.version) if found else (name, version)
    parsed = filenames.version_or_none(version)
    if names.normalise(name) != named.project or parsed != named.version:
        raise UploadRefused(
            "archive-directory",
            f"The directory {quoted(contents.root)} in the archive is not named after "
            f"{quoted(named.project)} and {quoted(named.version)}.",
            link=WHEELS if named.kind == "wheel" else SDISTS,
        )


def _check_licences(contents: Contents, core: CoreMetadata) -> None:
    """Check that the files are there that License-File promises (PEP 639)."""
    for path in core.license_files:
        if f"{contents.licences}{path}" not in contents.names:
            raise UploadRefused(
                "license-file-missing",
                f"{contents.what} names the licence file {quoted(path)}, but the archive has no "
                f"{quoted(contents.licences + path)}.",
                link=METADATA + "#license-file-multiple-use",
            )
