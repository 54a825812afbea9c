"""Entries of the block and allow lists: a name, or the beginning of names, and maybe which versions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from localshop.errors import BadInput
from localshop.protocol.filenames import version_or_none
from localshop.protocol.names import is_name, matches, normalise

_SHAPE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*\*?|\*)\s*([^A-Za-z0-9\s].*)?\Z")


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry, normalised: ``acme``, ``acme-*``, ``acme>=2,<3``. ``specifier`` "": every version."""

    name: str
    specifier: str = ""
    _versions: SpecifierSet = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_versions", SpecifierSet(self.specifier))

    def __str__(self) -> str:
        return f"{self.name}{self.specifier}"

    @property
    def exact(self) -> bool:
        """Whether it names one project, and not all that begin so."""
        return not self.name.endswith("*")

    def names(self, project: str) -> bool:
        """Whether it is about this project (normalised)."""
        return self.name == project if self.exact else matches(self.name, project)

    def holds(self, version: str, *, unreadable: bool) -> bool:
        """Whether it is about this version too.

        ``unreadable``: the answer where there is a specifier and the version is none by PEP 440.
        """
        return version in self.among([version], unreadable=unreadable)

    def among(self, versions: Collection[str], *, unreadable: bool) -> set[str]:
        """Those of many versions that it is about: asked together they take a third of the time."""
        if not self.specifier:
            return set(versions)
        parsed = [(version, text) for text in versions if (version := version_or_none(text)) is not None]
        found = self._versions.filter(parsed, prereleases=True, key=itemgetter(0))
        held = {text for _, text in found}
        if unreadable and len(parsed) < len(versions):
            held.update(text for text in versions if version_or_none(text) is None)
        return held


@lru_cache(1024)
def listed(text: str) -> Listed:
    """Read an entry, ``NAME[SPEC]``; raises ``BadInput``."""
    found = _SHAPE.match(text.strip())
    name = found[1] if found else ""
    start = name.removesuffix("*").rstrip("-_.") if name.endswith("*") else name
    if found is None or not (name == "*" or is_name(start)):
        raise BadInput(
            f"{text!r} is no name of a project, no beginning of names such as acme-*, "
            "and neither of them with versions as in PEP 440, such as acme>=2,<3."
        )
    try:
        specifier = SpecifierSet(found[2] or "")
    except InvalidSpecifier:
        raise BadInput(f"{found[2]!r} in {text!r} names no versions as in PEP 440.") from None
    star = "*" if name.endswith("*") else ""
    return Listed(normalise(name.removesuffix("*")) + star, str(specifier))


def every(texts: Iterable[object]) -> tuple[Listed, ...]:
    """Read entries, each once, in the order given; raises ``BadInput``."""
    return tuple(dict.fromkeys(listed(str(text)) for text in texts))
