"""The legacy JSON API's documents: what an index tells of a project, or of one release of it.

PyPI documents them as "JSON API"; Renovate, Dependabot and many scripts read them. They are made out of
the project's page as clients see it (PEP 691): what is hidden there cannot appear here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.metadata import RawMetadata, parse_email
from packaging.version import Version

from localshop.protocol import filenames, names, quickjson
from localshop.protocol.coremetadata import MOST_FIELDS, MOST_KINDS

Record = Mapping[str, Any]
"""A file as a page in JSON has it (PEP 691, PEP 700)."""
Releases = Mapping[str, Sequence[Record]]
"""The files of each version as it is spelled, oldest first."""

_LOWEST = Version("0")
_BREAK = re.compile(r"\r\n|\r|\n")
# What setuptools wrote for years where it had nothing to say.
_NOTHING = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Told:
    """What is told with a page.

    ``serial`` is the project's. ``metadata`` is METADATA of the release that is described, empty when it is
    not known. ``origin`` is put before URLs of files ("https://host", or empty: they stay path-absolute);
    ``base`` is the repository's URL. ``vulnerabilities`` are those of the release, made by ``vulnerability``.
    """

    serial: int
    metadata: bytes
    origin: str
    base: str
    vulnerabilities: Sequence[Record] = ()


def releases_of(page: Mapping[str, Any]) -> Releases:
    """Give a page's files by version. Files whose names tell no version are left out."""
    project = page["name"]
    found: dict[str, list[Record]] = {version: [] for version in page["versions"]}
    same: dict[Version | str, list[Record]] = {_canonical(version): held for version, held in found.items()}
    for record in page["files"]:
        parsed = filenames.parse(record["filename"], project)
        if parsed is not None:
            # Nearly all are spelled alike, and to read a version takes longer than all the rest.
            held = found.get(parsed.version) or same.get(_canonical(parsed.version))
            if held is not None:
                held.append(record)
    return found


def latest(releases: Releases) -> str:
    """Give the version that a project is described by; "" if it has none.

    As PyPI chooses: one that is not yanked, among these a final one, among these the highest.
    """
    return max(releases, key=lambda version: _rank(version, releases[version]), default="")


def spelled(releases: Releases, version: str) -> str | None:
    """Give the version as the page spells it, however it was asked for; None: there is no such release."""
    wanted = _canonical(version)
    return next((one for one in releases if _canonical(one) == wanted), None)


def document(page: Mapping[str, Any], releases: Releases, version: str, *, whole: bool, told: Told) -> bytes:
    """Write the document of a release; ``whole``: that of the project, with all its releases.

    ``version`` is one of the releases, or "" for a project without any.
    """
    name = page["name"]
    files = releases.get(version, ())
    record: dict[str, Any] = {
        "info": _info(name, version, files, told),
        "last_serial": told.serial,
        "ownership": {"organization": None, "roles": []},
    }
    if whole:
        record["releases"] = {
            one: [_file(file, told.origin) for file in held] for one, held in releases.items()
        }
    record["urls"] = [_file(file, told.origin) for file in files]
    record["vulnerabilities"] = list(told.vulnerabilities)
    return quickjson.dumps(record)


def vulnerability(advisory: Mapping[str, Any], fixed_in: Sequence[str]) -> Record:
    """An advisory (a record of OSV that holds) as PyPI tells it of a release that has this fault."""
    aliases = advisory.get("aliases")
    return {
        "aliases": [one for one in aliases if isinstance(one, str)] if isinstance(aliases, list) else [],
        "details": str(advisory.get("details") or ""),
        "fixed_in": list(fixed_in),
        "id": advisory["id"],
        "link": f"https://osv.dev/vulnerability/{advisory['id']}",
        "source": "osv",
        "summary": str(advisory.get("summary") or "") or None,
        "withdrawn": None,
    }


def _canonical(version: str) -> Version | str:
    return filenames.version_or_none(version) or version


def _rank(version: str, files: Sequence[Record]) -> tuple[bool, bool, bool, Version]:
    parsed = filenames.version_or_none(version)
    final = parsed is not None and not parsed.is_prerelease
    return not _is_yanked(files), final, parsed is not None, parsed or _LOWEST


def _is_yanked(files: Sequence[Record]) -> bool:
    """PyPI yanks releases, PEP 592 files: a release is yanked when nothing of it is left."""
    return bool(files) and all(record.get("yanked") for record in files)


def _info(name: str, version: str, files: Sequence[Record], told: Told) -> dict[str, Any]:
    fields = _fields(told.metadata)
    written = fields.get("name", "")
    address = f"{told.base}{name}/"
    yanked = _is_yanked(files)
    reasons = [record["yanked"] for record in files if isinstance(record.get("yanked"), str)]
    return {
        "author": _text(fields.get("author")),
        "author_email": _text(fields.get("author_email")),
        "bugtrack_url": None,
        "classifiers": fields.get("classifiers", []),
        "description": _text(fields.get("description")),
        "description_content_type": _text(fields.get("description_content_type")),
        "docs_url": None,
        "download_url": _text(fields.get("download_url")),
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        "dynamic": fields.get("dynamic"),
        "home_page": _text(fields.get("home_page")),
        "keywords": ",".join(fields.get("keywords", [])),
        "license": _text(fields.get("license")),
        "license_expression": fields.get("license_expression"),
        "license_files": fields.get("license_files"),
        "maintainer": _text(fields.get("maintainer")),
        "maintainer_email": _text(fields.get("maintainer_email")),
        "name": written if names.normalise(written) == name else name,
        "package_url": address,
        "platform": ",".join(one for one in fields.get("platforms", []) if one != _NOTHING),
        "project_url": address,
        # Renovate refuses the whole document for a null here or in home_page.
        "project_urls": _project_urls(fields),
        "provides_extra": fields.get("provides_extra"),
        "release_url": f"{told.base}pypi/{name}/{version}/json" if version else address,
        "requires_dist": fields.get("requires_dist"),
        "requires_python": fields.get("requires_python") or _requires_python(files),
        "summary": _text(fields.get("summary")),
        "version": version,
        "yanked": yanked,
        "yanked_reason": reasons[0] if yanked and reasons else None,
    }


def _fields(metadata: bytes) -> RawMetadata:
    """Read METADATA as far as it can be read; an upstream's may be anything."""
    lines = _BREAK.split(metadata.decode("utf-8", "replace"))
    end = lines.index("") if "" in lines else len(lines)
    heads = [line.partition(":")[0] for line in lines[:end] if line[:1] not in {" ", "\t"}]
    # The reader takes as many steps as the two multiplied.
    if len(heads) > MOST_FIELDS or len(set(heads)) > MOST_KINDS:
        return {}
    try:
        return parse_email("\n".join(lines))[0]
    except Exception:  # noqa: BLE001 -- Python's mail parser does not promise which errors there are.
        return {}


def _text(value: str | None) -> str:
    return value if value and value != _NOTHING else ""


def _project_urls(fields: RawMetadata) -> dict[str, str]:
    """As PyPI has them: the two that have fields of their own among the others."""
    own = {"Homepage": _text(fields.get("home_page")), "Download": _text(fields.get("download_url"))}
    return {label: url for label, url in own.items() if url} | fields.get("project_urls", {})


def _requires_python(files: Sequence[Record]) -> str | None:
    return next((record["requires-python"] for record in files if record.get("requires-python")), None)


def _file(record: Record, origin: str) -> dict[str, Any]:
    filename = record["filename"]
    is_wheel = filename.endswith(".whl")
    yanked = record.get("yanked", False)
    digest = record["hashes"].get("sha256")
    told = {
        "comment_text": "",
        "core-metadata": record.get("core-metadata", False),
        # A mirror knows the digests that the page told, and a page tells this one.
        "digests": {"blake2b_256": None, "md5": None, "sha256": digest},
        "downloads": -1,
        "filename": filename,
        "has_sig": False,
        "md5_digest": None,
        "packagetype": "bdist_wheel" if is_wheel else "sdist",
        "python_version": filename.rsplit("-", 3)[1] if is_wheel else "source",
        "requires_python": record.get("requires-python"),
        "size": record.get("size"),
        "url": f"{origin}{record['url']}",
        "yanked": bool(yanked),
        "yanked_reason": yanked if isinstance(yanked, str) else None,
    }
    uploaded = record.get("upload-time")
    if uploaded:
        # Left out when it is not known: Renovate refuses a null, Dependabot an empty string.
        told["upload_time"] = uploaded[:19]
        told["upload_time_iso_8601"] = uploaded
    return told
