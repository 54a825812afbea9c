"""What a form says of the file that it brings, and whether the file's name and bytes bear it out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from localshop.errors import UploadRefused
from localshop.protocol import coremetadata, filenames, names
from localshop.protocol.archives.rules import NAMES, SDISTS, VERSIONS, WHEELS, Remark, quoted
from localshop.protocol.filenames import Kind

LONGEST_FILENAME = 200

_KINDS: dict[str, Kind] = {"bdist_wheel": "wheel", "sdist": "sdist"}
_EXTENSIONS: dict[str, Kind] = {".whl": "wheel", ".tar.gz": "sdist", ".zip": "sdist"}
_DIGESTS = {"md5": 32, "sha256": 64, "blake2_256": 64}
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_WHEEL_FILE_NAME, _SDIST_FILE_NAME = (
    WHEELS + "#file-name-convention",
    SDISTS + "#source-distribution-file-name",
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The fields of an upload form that say what the file is, as they were sent.

    ``digests``: any of "md5", "sha256" and "blake2_256", in hex; without those that were not sent.
    ``metadata_version`` is empty if it was not sent.
    """

    filename: str
    filetype: str
    name: str
    version: str
    metadata_version: str
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Measured:
    """The bytes that came, measured on the way: their number, and digests in lower-case hex."""

    size: int
    md5: str
    sha256: str
    blake2b_256: str


@dataclass(frozen=True, slots=True)
class Named:
    """What a file is by its name: project (normalised), version, and the tags of a wheel."""

    project: str
    version: Version
    kind: Kind
    tags: frozenset[Tag]


def check_digests(claim: Claim, measured: Measured) -> tuple[Remark, ...]:
    """Compare every digest that was sent; raises UploadRefused."""
    came = {"md5": measured.md5, "sha256": measured.sha256, "blake2_256": measured.blake2b_256}
    # distutils sends BLAKE2 with 512 bits in the field for the one with 256, beside two other digests.
    sent = {kind: one for kind, one in claim.digests.items() if (kind, len(one)) != ("blake2_256", 128)}
    for kind, digest in sent.items():
        if kind not in _DIGESTS or len(digest) != _DIGESTS[kind] or not _HEX.match(digest):
            raise UploadRefused("digest-malformed", f"{quoted(digest)} is no {kind} digest in hex.")
        if digest.lower() != came[kind]:
            raise UploadRefused(
                "digest-wrong",
                f"The file has the {kind} {came[kind]} and not {digest}: it was changed on its way.",
            )
    if not sent:
        return (
            Remark("digest-absent", "No digest was sent, so it cannot be told whether the file came whole."),
        )
    return ()


def read_names(claim: Claim) -> tuple[Named, tuple[Remark, ...]]:
    """Read file name, type, name and version, which have to agree; raises UploadRefused."""
    kind = _kind(claim)
    project = names.normalise(coremetadata.project_name(claim.name, where="name in the form"))
    version = coremetadata.release(claim.version, where="version in the form")
    remarks: tuple[Remark, ...] = ()
    if claim.metadata_version:
        remarks = coremetadata.metadata_version(claim.metadata_version)[2]
    named = _wheel(claim) if kind == "wheel" else _sdist(claim, project)
    check_same(project, named.project, what=f"The form names {quoted(claim.name)}", other=claim.filename)
    check_same_version(
        version, named.version, what=f"The form has version {quoted(claim.version)}", other=claim.filename
    )
    return named, remarks


def check_same(one: str, two: str, *, what: str, other: str) -> None:
    """Refuse two names that are not equal once they are normalised (PEP 503)."""
    if names.normalise(one) != names.normalise(two):
        raise UploadRefused("name-mismatch", f"{what}, but {quoted(other)} is of {quoted(two)}.", link=NAMES)


def check_same_version(one: Version, two: Version, *, what: str, other: str) -> None:
    """Refuse two versions that are not equal by PEP 440."""
    if one != two:
        raise UploadRefused(
            "version-mismatch", f"{what}, but {quoted(other)} is of version {quoted(two)}.", link=VERSIONS
        )


def remark_spelling(filename: str, named: Named, version: Version) -> tuple[Remark, ...]:
    """Remark on a file name that is not the one spelling of PEP 625 and the wheel specification.

    Older tools write ``Foo.Bar-1.0.tar.gz``, which PyPI does not take any more. Everything compares names
    normalised, so such a file is found all the same.
    """
    wanted = f"{named.project.replace('-', '_')}-{version}"
    stem = filename.removesuffix(".tar.gz").removesuffix(".zip")
    if stem == wanted or (named.kind == "wheel" and filename.startswith(f"{wanted}-")):
        return ()
    link = _WHEEL_FILE_NAME if named.kind == "wheel" else _SDIST_FILE_NAME
    sentence = f"The file name {quoted(filename)} should begin with {quoted(wanted)}; see {link}."
    return (Remark("file-name-spelling", sentence),)


def _kind(claim: Claim) -> Kind:
    """Check that the name can be kept as it is, and that extension and type fit each other."""
    filename = claim.filename
    if len(filename) > LONGEST_FILENAME or not filenames.is_safe(filename):
        raise UploadRefused(
            "file-name-unsafe",
            f"{quoted(filename)} cannot be the name of a file: plain ASCII without separators, not beginning "
            f"with a dot or dash, {LONGEST_FILENAME} at most.",
        )
    extension = next((end for end in _EXTENSIONS if filename.endswith(end)), None)
    if extension is None:
        raise UploadRefused(
            "file-extension", f"{quoted(filename)} is neither a wheel (.whl) nor an sdist (.tar.gz)."
        )
    if claim.filetype not in _KINDS:
        raise UploadRefused(
            "file-type", f"The filetype {quoted(claim.filetype)} is not taken; bdist_wheel and sdist are."
        )
    if _KINDS[claim.filetype] != _EXTENSIONS[extension]:
        raise UploadRefused(
            "file-type",
            f"The form says filetype {quoted(claim.filetype)}, but the file is {quoted(filename)}.",
        )
    return _EXTENSIONS[extension]


def _wheel(claim: Claim) -> Named:
    try:
        project, version, _, tags = parse_wheel_filename(claim.filename)
    except InvalidWheelFilename as error:
        raise UploadRefused("file-name-invalid", f"{error}.", link=_WHEEL_FILE_NAME) from error
    coremetadata.project_name(project, where="in the file name")
    return Named(project, version, "wheel", tags)


def _sdist(claim: Claim, project: str) -> Named:
    """Read an sdist's name as one of the form's project, as only that makes the split certain."""
    found = filenames.parse(claim.filename, project)
    if found is None and (other := filenames.parse(claim.filename)) is not None:
        check_same(project, other.project, what=f"The form names {quoted(claim.name)}", other=claim.filename)
    version = filenames.version_or_none(found.version) if found else None
    if version is None:
        raise UploadRefused(
            "file-name-invalid",
            f"{quoted(claim.filename)} is not the name of an sdist: name, '-', version, '.tar.gz'.",
            link=_SDIST_FILE_NAME,
        )
    return Named(project, version, "sdist", frozenset())
