"""What we show on a project's page: its records, and the versions that its files make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from packaging.version import Version

from localshop.protocol import filenames


@dataclass(frozen=True, slots=True)
class Shown:
    """One file on a page of ours. ``url`` is path-absolute and percent-encoded; all else as in `Entry`."""

    filename: str
    url: str
    sha256: str | None = None
    size: int | None = None
    requires_python: str | None = None
    upload_time: str | None = None
    yanked: bool | str = False
    core_metadata: bool | str = False
    provenance: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """A project's page. ``name`` is normalised, ``status`` is one of PEP 792's."""

    name: str
    files: tuple[Shown, ...]
    versions: tuple[str, ...]
    status: str = "active"
    status_reason: str = ""
    extra: Mapping[str, object] = field(default_factory=dict)


def versions_of(names: Iterable[str], project: str) -> tuple[str, ...]:
    """Give the versions that a project's file names make (PEP 700, "versions"), oldest first."""
    return in_order(
        parsed.version for name in names if (parsed := filenames.parse(name, project)) is not None
    )


def in_order(versions: Iterable[str]) -> tuple[str, ...]:
    """Give versions, as spelled in file names, in PEP 440's order; those that do not follow it stand first.

    PEP 700 calls it a set, so of two spellings of one version (``1.0``, ``1.0.0``) the first is taken.
    """
    valid: dict[Version, str] = {}
    older = []
    for text in dict.fromkeys(versions):
        version = filenames.version_or_none(text)
        if version is None:
            older.append(text)
        else:
            valid.setdefault(version, text)
    return (*sorted(older), *(valid[version] for version in sorted(valid)))
