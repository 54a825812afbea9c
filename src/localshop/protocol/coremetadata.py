"""Core metadata (METADATA, PKG-INFO): what a distribution says of itself, and whether that is well-formed.

Strict where an installer or an index depends on it, lenient elsewhere: what only people read is remarked on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from localshop.errors import UploadRefused
from localshop.protocol import filenames, names
from localshop.protocol.archives.rules import METADATA, NAMES, VERSIONS, Remark, quoted

LONGEST_SUMMARY = 1000
MOST_FIELDS = 30_000
MOST_KINDS = 100

# 2.0 was withdrawn, but wheels claimed it for years.
_KNOWN = {"1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6"}
_METADATA_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\Z")
_NEWEST_MAJOR = 2
_BREAK = re.compile(r"\r\n|\r|\n")
_FIELD = re.compile(r"([^\s:]+)\s*:")
# Installers decide by these, so a value that they cannot read is a distribution that cannot be installed.
_DECISIVE = {"requires_dist", "requires_python", "provides_extra"}
# Python takes 16 seconds and a gigabyte to read a megabyte of these.
_SLOW = {"description_content_type", "license_expression"}
_MOST_REMARKS = 20


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """What an index needs of core metadata.

    ``name`` is as written, ``requires_python`` and ``summary`` on one line; ``license_files`` has the paths
    that must be in the archive, which is a promise since metadata 2.4 only (PEP 639).
    """

    name: str
    version: Version
    requires_python: str | None
    summary: str
    license_files: tuple[str, ...]
    remarks: tuple[Remark, ...]


def read(data: bytes, *, what: str) -> CoreMetadata:
    """Read core metadata, ``what`` being the file's name for sentences; raises UploadRefused."""
    raw, unread = fields(data, what=what)
    major, minor, remarks = metadata_version(_only(raw.get("metadata_version"), "Metadata-Version", what))
    name = project_name(_only(raw.get("name"), "Name", what), where=what)
    version = release(_only(raw.get("version"), "Version", what), where=what)
    remarks += _check_fields(raw, unread, strict=major >= _NEWEST_MAJOR, what=what)
    return CoreMetadata(
        name=name,
        version=version,
        requires_python=_specifier(raw.get("requires_python", "")),
        summary=_one_line(raw.get("summary", ""))[:LONGEST_SUMMARY],
        license_files=tuple(raw.get("license_files", ())) if (major, minor) >= (2, 4) else (),
        remarks=remarks,
    )


def metadata_version(text: str) -> tuple[int, int, tuple[Remark, ...]]:
    """Read a Metadata-Version; remarks on a newer minor one, refuses a newer major one, as the spec says."""
    found = _METADATA_VERSION.match(text)
    major, minor = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= major <= _NEWEST_MAJOR:
        raise UploadRefused(
            "metadata-version",
            f"Metadata-Version {quoted(text)} is not known; 1.0 to 2.6 are.",
            link=METADATA + "#metadata-version",
        )
    if f"{major}.{minor}" in _KNOWN:
        return major, minor, ()
    sentence = f"Metadata-Version {quoted(text)} is newer than 2.6, so some of it may not be understood."
    return major, minor, (Remark("metadata-version", sentence),)


def project_name(text: str, *, where: str) -> str:
    """Give a project name that is one (PEP 508), else refuse."""
    if not names.is_name(text):
        raise UploadRefused(
            "name-invalid",
            f"{quoted(text)} ({where}) is no project name: ASCII letters, digits, '.', '_' and '-', "
            "beginning and ending with a letter or digit, 200 at most.",
            link=NAMES,
        )
    return text


def release(text: str, *, where: str) -> Version:
    """Give a version by PEP 440, else refuse."""
    version = filenames.version_or_none(text) if text.isascii() and len(text) <= names.LONGEST else None
    if version is None:
        raise UploadRefused(
            "version-invalid", f"{quoted(text)} ({where}) is no version as in PEP 440.", link=VERSIONS
        )
    return version


def fields(data: bytes, *, what: str) -> tuple[RawMetadata, dict[str, list[str]]]:
    """Split metadata into fields, without the description below them, which decides nothing."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UploadRefused(
            "metadata-not-text", f"{what} is not UTF-8 at byte {error.start}.", link=METADATA
        ) from error
    lines = _BREAK.split(text)
    end = lines.index("") if "" in lines else len(lines)
    found_fields = [found[1] for line in lines[:end] if (found := _FIELD.match(line))]
    # The reader takes as many steps as the two multiplied.
    if len(found_fields) > MOST_FIELDS or len(set(found_fields)) > MOST_KINDS:
        raise UploadRefused("metadata-broken", f"{what} has too many fields ({len(found_fields)}).")
    try:
        return parse_email("\n".join(lines[:end]) + "\n\n")
    except Exception as error:
        # Python's mail parser does not promise which errors there are for what is no mail.
        raise UploadRefused(
            "metadata-broken", f"{what} is not in the form of mail headers.", link=METADATA
        ) from error


def _only(value: str | None, field: str, what: str) -> str:
    if value is None:
        raise UploadRefused("metadata-incomplete", f"{what} has no {field}, or more than one.", link=METADATA)
    return value.strip()


def _check_fields(
    raw: RawMetadata, unread: dict[str, list[str]], *, strict: bool, what: str
) -> tuple[Remark, ...]:
    """Have each field read as its specification says."""
    if "requires-python" in unread:
        raise UploadRefused("metadata-field", f"{what} has more than one Requires-Python.")
    remarks = [
        Remark("metadata-field", f"{what} has a field {quoted(field)} that is unknown, repeated or broken.")
        for field in unread
    ]
    metadata = Metadata.from_raw(raw, validate=False)
    for field in sorted(raw.keys() - {"metadata_version", "name", "version"}):
        if field in _SLOW and len(str(raw.get(field))) > LONGEST_SUMMARY:
            remarks.append(Remark("metadata-field", f"{what} has a {field} that is too long to be read."))
            continue
        try:
            getattr(metadata, field)
        except Exception as error:
            # For hostile values the readers below raise what they like.
            sentence = f"{what}: {_one_line(str(error))[:300] or field}."
            if strict and field in _DECISIVE:
                raise UploadRefused("metadata-field", sentence, link=METADATA) from error
            remarks.append(Remark("metadata-field", sentence))
    return tuple(remarks[:_MOST_REMARKS])


def _specifier(text: str) -> str | None:
    """Give Requires-Python on one line; None if there is none, or none that an installer could read."""
    line = " ".join(text.split())
    try:
        SpecifierSet(line)
    except InvalidSpecifier:
        return None
    return line if line and line.isascii() and line.isprintable() else None


def _one_line(text: str) -> str:
    return "".join(character for character in " ".join(text.split()) if character.isprintable())
