"""Chooses among a project's files: the one that an installer on a given machine would take. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from localshop.protocol import filenames
from localshop.protocol.document import Entry
from localshop.protocol.targets import Target

_ANY = SpecifierSet()
_SDISTS = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar")
"""Those that installers unpack, the usual ones first."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked of a file beside that the machine can use it.

    ``sha256``: the only digests that may be, empty: any. ``only_wheels``: no sdists.
    ``prereleases``: those too, not only when there is nothing else or a specifier names one.
    """

    specifier: SpecifierSet = _ANY
    sha256: frozenset[str] = frozenset()
    prereleases: bool = False
    only_wheels: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The file that was chosen, and the version it is of."""

    version: Version
    entry: Entry


class _Fit(NamedTuple):
    """Compares: the smaller one is the better file of its version."""

    sdist: bool
    rank: int
    filename: str
    entry: Entry


def choose(entries: Iterable[Entry], project: str, target: Target, rules: Rules) -> Choice | None:
    """The best file of the newest release that fits; None: there is none.

    ``project`` is normalised. A yanked file is taken only when there is no other and its version is
    named exactly (PEP 592).
    """
    releases: dict[Version, list[_Fit]] = {}
    for entry in entries:
        version = _version(entry, project)
        fit = _fit(entry, target, rules)
        if version is not None and fit is not None:
            releases.setdefault(version, []).append(fit)
    good = {
        version: kept
        for version, fits in releases.items()
        if (kept := [fit for fit in fits if fit.entry.yanked is False])
    }
    return _newest(good, rules) or (_newest(releases, rules) if _is_exact(rules.specifier) else None)


def _newest(releases: dict[Version, list[_Fit]], rules: Rules) -> Choice | None:
    found = list(rules.specifier.filter(releases, prereleases=True if rules.prereleases else None))
    if not found:
        return None
    version = max(found)
    return Choice(version, min(releases[version], key=lambda fit: fit[:3]).entry)


def _is_exact(specifier: SpecifierSet) -> bool:
    return any(one.operator in {"==", "==="} and not one.version.endswith(".*") for one in specifier)


def _version(entry: Entry, project: str) -> Version | None:
    name = filenames.parse(entry.filename, project)
    return filenames.version_or_none(name.version) if name is not None else None


def _fit(entry: Entry, target: Target, rules: Rules) -> _Fit | None:
    # A page without digests can be right as well; then the bytes are compared when they are here.
    if rules.sha256 and entry.sha256 is not None and entry.sha256 not in rules.sha256:
        return None
    if not _python_fits(entry.requires_python, target):
        return None
    if entry.filename.endswith(".whl"):
        rank = target.rank(entry.filename)
        if rank is None:
            return None
        return _Fit(sdist=False, rank=rank, filename=entry.filename, entry=entry)
    order = next((place for place, end in enumerate(_SDISTS) if entry.filename.endswith(end)), None)
    if order is None or rules.only_wheels:
        return None
    return _Fit(sdist=True, rank=order, filename=entry.filename, entry=entry)


def _python_fits(requires_python: str | None, target: Target) -> bool:
    try:
        return not requires_python or SpecifierSet(requires_python).contains(target.python, prereleases=True)
    except InvalidSpecifier:
        # Twenty years of files: installers take such a one, too.
        return True
