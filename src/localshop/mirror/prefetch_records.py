"""What is wished for, and what it comes to: the records of a prefetch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from packaging.requirements import Requirement

from localshop.catalog.records import BlobRecord
from localshop.protocol.document import Entry
from localshop.protocol.locks import Locked
from localshop.protocol.requirements import Wish
from localshop.protocol.targets import Target

from .stock import Stock


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be here.

    ``constraints`` narrow what is wanted of a project (normalised name), wherever it is wanted.
    ``every_locked``: of what lock files name, not only what the targets can use.
    """

    targets: Sequence[Target]
    requirements: Sequence[Wish] = ()
    locked: Sequence[Locked] = ()
    constraints: Sequence[Requirement] = ()
    every_locked: bool = True
    dependencies: bool = True
    only_wheels: bool = False
    prereleases: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that cannot be had: what, and why, for machines and for people."""

    what: str
    slug: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """A file that shall be here; ``sha256``: the only digests that may be, empty: any."""

    stock: Stock
    entry: Entry
    sha256: frozenset[str] = frozenset()

    @property
    def blob(self) -> BlobRecord | None:
        """Its bytes, if they are known to be here."""
        return self.stock.stored.get(self.entry.filename)


@dataclass(slots=True)
class Plan:
    """What the wishes come to. ``remarks``: sentences on what was not followed."""

    files: dict[tuple[str, str], Chosen] = field(default_factory=dict)
    missing: dict[tuple[str, str], Missing] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def lacks(self, what: str, slug: str, sentence: str) -> None:
        """Note that something cannot be had, once."""
        self.missing.setdefault((what, slug), Missing(what, slug, sentence))

    def takes(self, chosen: Chosen) -> None:
        """Note a file, once; more than one wish may narrow its digest."""
        key = (chosen.stock.name, chosen.entry.filename)
        known = self.files.get(key)
        digests = chosen.sha256 or (known.sha256 if known is not None else frozenset())
        self.files[key] = replace(chosen, sha256=digests)
