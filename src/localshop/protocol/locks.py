"""Lock files: the exact files that ``pylock.toml``, ``uv.lock``, ``poetry.lock`` and ``pdm.lock`` name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock, PylockValidationError

from localshop.errors import BadInput
from localshop.protocol import filenames, names

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_ELSEWHERE = frozenset({"git", "url", "path", "directory", "editable", "virtual", "file"})
"""Kinds of sources that are no package index, as uv and poetry call them."""

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Locked:
    """One file that a lock file names; ``project`` is normalised, ``sha256`` lower-case hex."""

    project: str
    filename: str
    sha256: str | None


@dataclass(slots=True)
class Lock:
    """What a lock file names; ``skipped``: in sentences, what in it comes from no package index."""

    files: list[Locked] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def read_lock(data: bytes, name: str) -> Lock:
    """Read a lock file, of whichever kind; ``name`` is for sentences.

    The host of a file's URL does not count, nor does its path: file name and digest say which file it is.
    Raises BadInput.
    """
    try:
        table: Table = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{name} is no TOML: {' '.join(str(error).split())}.") from error
    lock = Lock()
    if "lock-version" in table:
        _pylock(table, name, lock)
        return lock
    for package in _packages(table, name):
        _package(package, name, lock)
    return lock


def _pylock(table: Table, name: str, lock: Lock) -> None:
    """PEP 751."""
    try:
        for package in Pylock.from_dict(table).packages:
            _pylock_package(package, name, lock)
    except (PylockValidationError, ValueError, RecursionError) as error:
        raise BadInput(f"{name} is no pylock.toml: {' '.join(str(error).split())}.") from error


def _pylock_package(package: Package, name: str, lock: Lock) -> None:
    if package.is_direct:
        lock.skipped.append(f"{package.name} comes from no package index ({name}).")
        return
    every: list[PackageWheel | PackageSdist] = [*(package.wheels or ())]
    if package.sdist is not None:
        every.append(package.sdist)
    for one in every:
        _add(lock, name, project=package.name, filename=one.filename, sha256=one.hashes.get("sha256"))


def _packages(table: Table, name: str) -> Iterator[Table]:
    found = table.get("package")
    version = table.get("version")
    metadata = table.get("metadata")
    ours = isinstance(version, int) or (
        isinstance(metadata, dict) and not {"lock-version", "lock_version"}.isdisjoint(metadata)
    )
    if not ours or not isinstance(found, list | None):
        raise BadInput(
            f"{name} is no lock file of a known kind: pylock.toml, uv.lock, poetry.lock, pdm.lock."
        )
    for package in found or []:
        if not isinstance(package, dict) or not isinstance(package.get("name"), str):
            raise BadInput(f"{name} has a package without a name.")
        yield package


def _package(package: Table, name: str, lock: Lock) -> None:
    """A package of uv.lock, poetry.lock or pdm.lock; they differ in where its files stand."""
    project = package["name"]
    source = package.get("source")
    if not isinstance(source, dict | None):
        raise BadInput(f"{name}: the source of {project!r} is none.")
    if _is_elsewhere(package, source or {}):
        lock.skipped.append(f"{project} comes from no package index ({name}).")
        return
    sdist = package.get("sdist")
    places = [package.get("wheels", []), package.get("files", []), [sdist] if sdist is not None else []]
    if not all(isinstance(place, list) for place in places):
        raise BadInput(f"{name}: the files of {project!r} are no list.")
    for one in [file for place in places for file in place]:
        filename, sha256 = _filename(one, name, project), one.get("hash")
        if not isinstance(sha256, str | None):
            raise BadInput(f"{name}: {filename} has the hash {sha256!r}.")
        kind, _, digest = (sha256 or "").partition(":")
        _add(lock, name, project=project, filename=filename, sha256=digest if kind == "sha256" else None)


def _is_elsewhere(package: Table, source: Table) -> bool:
    """A source's kind is a key to uv and pdm, a value to poetry; an index is "legacy" there."""
    kind = source.get("type")
    if "registry" in source or kind == "legacy":
        return False
    return not _ELSEWHERE.isdisjoint([*source, *package, str(kind)])


def _filename(one: object, name: str, project: str) -> str:
    if isinstance(one, dict):
        for key in ("file", "filename", "url", "path"):
            said = one.get(key)
            if isinstance(said, str):
                return _last_part(said, name)
    raise BadInput(f"{name}: {project!r} has a file without a name.")


def _last_part(said: str, name: str) -> str:
    try:
        return unquote(urlsplit(said).path).rpartition("/")[2]
    except ValueError as error:
        raise BadInput(f"{name}: {said!r} is no address of a file.") from error


def _add(lock: Lock, name: str, *, project: str, filename: str, sha256: str | None) -> None:
    if not names.is_name(project):
        raise BadInput(f"{name}: {project!r} is no name of a project.")
    project = names.normalise(project)
    if sha256 is not None and not _SHA256.match(sha256.lower()):
        raise BadInput(f"{name}: {filename!r} has the sha256 {sha256!r}, which is none.")
    if filenames.parse(filename, project) is None:
        lock.skipped.append(f"{filename!r} is neither a wheel nor an sdist of {project} ({name}).")
    else:
        lock.files.append(Locked(project, filename, sha256.lower() if sha256 is not None else None))
