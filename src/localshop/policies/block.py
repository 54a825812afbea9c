"""The block list: names, and versions of names, that nobody gets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from .listed import Listed, every
from .reading import texts
from .records import FOR_GOOD, SHOWN, Case, Mode, Subject


@dataclass(frozen=True, slots=True)
class Block:
    """Hides what its entries name, also of private projects.

    An entry for a name itself is not lifted by the allow list; one for all names that begin so is. So
    ``*`` here, and names on the allow list, let nothing through but these.
    """

    name: ClassVar[str] = "block"
    slug: ClassVar[str] = "blocked"

    entries: tuple[Listed, ...]
    mode: Mode = "enforced"
    _known: dict[str, Listed | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def lifted_by_allow(self) -> bool:
        """Only where all of its entries are for names that begin so."""
        return not any(entry.exact for entry in self.entries)

    @classmethod
    def read(cls, told: Mapping[str, object], mode: Mode) -> Self:
        """Make it of ``{"entries": ["NAME[SPEC]", …]}``."""
        return cls(every(texts(told, "entries")), mode)

    def told(self) -> dict[str, object]:
        """Itself as JSON."""
        return {"entries": [str(entry) for entry in self.entries]}

    def about(self, case: Case) -> Sequence[Self]:
        """The entries that name the project: those for its very name by themselves."""
        mine = [entry for entry in self.entries if entry.names(case.project)]
        kinds = [[entry for entry in mine if entry.exact is exact] for exact in (True, False)]
        return [replace(self, entries=tuple(entries)) for entries in kinds if entries]

    def until(self, subject: Subject, now: float) -> float:  # noqa: ARG002 -- all rules are asked alike.
        """For good, or not at all."""
        return FOR_GOOD if self._entry(subject) is not None else SHOWN

    def reason(self, case: Case, subject: Subject) -> tuple[str, str]:
        """Which entry it is."""
        return self.slug, f"{case.project} {subject.version} is blocked here ({self._entry(subject)})."

    def learn(self, versions: Collection[str]) -> None:
        """Look at all versions of a project together, before each is asked for."""
        for entry in self.entries:
            held = entry.among(versions, unreadable=True)
            self._known.update((version, entry) for version in held if version not in self._known)
        for version in versions:
            self._known.setdefault(version, None)

    def _entry(self, subject: Subject) -> Listed | None:
        """The entry that hides it, if one does."""
        version = subject.version
        if version not in self._known:
            hits = (entry for entry in self.entries if entry.holds(version, unreadable=True))
            # Nearly all files of a release ask the same.
            self._known[version] = next(hits, None)
        return self._known[version]
