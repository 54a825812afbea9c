"""Which files a set of wishes comes to: releases that fit, what those need, and what lock files name.

This is no resolver. Each requirement is answered by itself, with the newest release that fits, or
with one that was chosen before and fits as well; so what is chosen may hold two versions of a project.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from localshop.catalog.records import RepositoryRecord
from localshop.errors import LocalshopError, StorageError, UpstreamError
from localshop.policies.records import Verdict
from localshop.protocol.choose import Choice, Rules, choose
from localshop.protocol.document import Entry
from localshop.protocol.locks import Locked
from localshop.protocol.names import normalise
from localshop.protocol.requirements import requires
from localshop.protocol.targets import Target
from localshop.shop import Shop

from .file import Withheld
from .metadata import metadata
from .prefetch_records import Chosen, Plan, Wishes
from .stock import Stock, stock

AT_ONCE = 8
"""Questions to upstreams, and files, that are under way at the same time."""
_MOST_PROJECTS = 20_000
"""A release says what it needs, so a bad one could send us to ask for names without end."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Need:
    """A requirement on one target; ``by``: what needs it, empty: it was wished for."""

    target: Target
    requirement: Requirement
    sha256: frozenset[str] = frozenset()
    by: str = ""

    @property
    def name(self) -> str:
        return normalise(self.requirement.name)

    @property
    def key(self) -> tuple[str, str, str, tuple[str, ...]]:
        wanted = self.requirement
        return self.target.name, self.name, str(wanted.specifier), tuple(sorted(wanted.extras))

    def __str__(self) -> str:
        wanted = self.requirement
        extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
        return f"{wanted.name}{extras}{wanted.specifier}"


async def make_plan(
    shop: Shop, repository: RepositoryRecord, wishes: Wishes, *, told: Callable[[int], None]
) -> Plan:
    """Choose files; ``told`` is called with the number of projects looked at so far.

    What cannot be had is noted in the plan. Raises the errors of the storage.
    """
    planner = _Planner(shop, repository, wishes, told)
    await planner.take_locked()
    await planner.take_required()
    return planner.plan


class _Planner:
    def __init__(
        self, shop: Shop, repository: RepositoryRecord, wishes: Wishes, told: Callable[[int], None]
    ) -> None:
        self.plan = Plan()
        self._shop = shop
        self._repository = repository
        self._wishes = wishes
        self._told = told
        self._stocks: dict[str, Stock] = {}
        self._failed: dict[str, UpstreamError] = {}
        self._chosen: dict[tuple[str, str], list[Choice]] = {}
        self._needs: dict[str, list[Requirement]] = {}
        self._limits: dict[str, list[Requirement]] = {}
        for limit in wishes.constraints:
            self._limits.setdefault(normalise(limit.name), []).append(limit)

    async def take_locked(self) -> None:
        """Take what lock files name: those very files."""
        projects: dict[str, list[Locked]] = {}
        for one in self._wishes.locked:
            projects.setdefault(one.project, []).append(one)
        wanted = {name: self._usable(files) for name, files in projects.items()}
        await self._look_at(name for name, files in wanted.items() if files)
        await self._look_at(
            (name for name, files in wanted.items() if any(not self._fits(one) for one in files)), again=True
        )
        for name, files in wanted.items():
            if not files:
                self.plan.remarks.append(
                    f"None of the files of {name} that are locked is for the machines chosen."
                )
            for one in files:
                self._take_one_locked(one)

    def _usable(self, files: list[Locked]) -> list[Locked]:
        """The files of a project that are wanted; an sdist only where no wheel can be used."""
        if self._wishes.every_locked:
            return [one for one in files if not self._wishes.only_wheels or one.filename.endswith(".whl")]
        found: dict[Locked, None] = {}
        for target in self._wishes.targets:
            wheels = [one for one in files if target.rank(one.filename) is not None]
            sdists = [one for one in files if not one.filename.endswith(".whl")]
            found |= dict.fromkeys(wheels or ([] if self._wishes.only_wheels else sdists))
        return list(found)

    def _fits(self, locked: Locked) -> bool:
        known = self._stocks.get(locked.project)
        return known is not None and locked.filename in known.entries

    def _take_one_locked(self, locked: Locked) -> None:
        known = self._stocks.get(locked.project)
        entry = known.entries.get(locked.filename) if known is not None else None
        if known is None or entry is None:
            hidden = known.hidden.get(locked.filename) if known is not None else None
            self._lacks(locked.project, locked.filename, locked=True, hidden=hidden[1] if hidden else None)
        elif locked.sha256 and known.digest(entry) not in {None, locked.sha256}:
            self.plan.lacks(
                locked.filename,
                "digest-mismatch",
                f"It has the sha256 {known.digest(entry)}, but the lock file names {locked.sha256}.",
            )
        else:
            self.plan.takes(Chosen(known, entry, frozenset({locked.sha256} if locked.sha256 else ())))

    async def take_required(self) -> None:
        """Take what is required, then what that needs, until nothing new comes up."""
        wave = [
            _Need(target, wish.requirement, wish.sha256)
            for wish in self._wishes.requirements
            for target in self._wishes.targets
            if target.applies(wish.requirement.marker)
        ]
        seen: set[tuple[str, str, str, tuple[str, ...]]] = set()
        while wave:
            seen |= {need.key for need in wave}
            await self._look_at(need.name for need in wave)
            await self._look_at((need.name for need in wave if self._choose(need) is None), again=True)
            taken = [(need, choice) for need in wave if (choice := self._take(need)) is not None]
            if not self._wishes.dependencies:
                return
            await self._read_needs(taken)
            # In the order in which they came, so that the same wishes always come to the same files.
            found = {need.key: need for taken_one in taken for need in self._needs_of(*taken_one)}
            wave = [need for key, need in found.items() if key not in seen]

    def _choose(self, need: _Need) -> Choice | None:
        known = self._stocks.get(need.name)
        if known is None:
            return None
        rules = Rules(self._specifier(need), need.sha256, self._wishes.prereleases, self._wishes.only_wheels)
        for choice in self._chosen.get((need.target.name, need.name), []):
            # Pinned by a requirements file, or wanted by two: one version serves both.
            if not need.sha256 and rules.specifier.contains(choice.version, prereleases=True):
                return choice
        return choose(known.entries.values(), known.name, need.target, rules)

    def _specifier(self, need: _Need) -> SpecifierSet:
        specifier = need.requirement.specifier
        for limit in self._limits.get(need.name, []):
            if need.target.applies(limit.marker):
                specifier &= limit.specifier
        return specifier

    def _take(self, need: _Need) -> Choice | None:
        choice = self._choose(need)
        if choice is None:
            where = f" for {need.target.name}" + (f", needed by {need.by}" if need.by else "")
            self._lacks(need.name, f"{need}{where}", locked=False, hidden=self._hidden(need))
            return None
        chosen = self._chosen.setdefault((need.target.name, need.name), [])
        if choice not in chosen:
            chosen.append(choice)
        self.plan.takes(Chosen(self._stocks[need.name], choice.entry, need.sha256))
        return choice

    def _hidden(self, need: _Need) -> Verdict | None:
        """Why the file is hidden that would have been chosen, if one would."""
        hidden = self._stocks[need.name].hidden if need.name in self._stocks else {}
        rules = Rules(self._specifier(need), need.sha256, self._wishes.prereleases, self._wishes.only_wheels)
        choice = choose([entry for entry, _ in hidden.values()], need.name, need.target, rules)
        return hidden[choice.entry.filename][1] if choice is not None else None

    def _lacks(self, name: str, what: str, *, locked: bool, hidden: Verdict | None) -> None:
        """Note why something of a project cannot be had."""
        failure, known = self._failed.get(name), self._stocks.get(name)
        if failure is not None:
            self.plan.lacks(what, failure.slug, failure.sentence)
        elif known is None:
            self.plan.lacks(what, "too-many-projects", f"{name} was not looked at: they are too many.")
        elif hidden is not None:
            self.plan.lacks(what, hidden.slug, hidden.sentence)
        elif known.ours:
            sentence = (
                f"{name} is private here, so no upstream is asked for it, and nothing that fits is here."
            )
            self.plan.lacks(what, "private-name", sentence)
        elif self._shop.config.offline:
            self.plan.lacks(what, "not-mirrored", "It is not here, and localshop is offline.")
        elif not known.entries:
            self.plan.lacks(what, "no-such-project", f"No upstream has {name}.")
        elif locked:
            self.plan.lacks(what, "no-such-file", f"The page of {name} does not list it.")
        else:
            self.plan.lacks(what, "no-fitting-release", f"None of {len(known.entries)} files of {name} fits.")

    async def _look_at(self, names: Iterable[str], *, again: bool = False) -> None:
        """Take stock of projects; ``again``: those whose page may be older than the wish."""

        async def look(name: str) -> None:
            try:
                self._stocks[name] = await stock(self._shop, self._repository, name, again=again)
            except UpstreamError as error:
                self._failed[name] = error
            self._told(len(self._stocks) + len(self._failed))

        wanted = [name for name in dict.fromkeys(names) if name not in self._failed]
        new = [name for name in wanted if name not in self._stocks]
        old = [known for name in wanted if (known := self._stocks.get(name)) is not None]
        room = max(_MOST_PROJECTS - len(self._stocks) - len(self._failed), 0)
        if again:
            await each([one.name for one in old if not one.asked and not one.ours], look)
        else:
            await each(new[:room], look)

    async def _read_needs(self, taken: Sequence[tuple[_Need, Choice]]) -> None:
        """Read what the wheels that were chosen need, each once."""
        unread = {
            choice.entry.filename: (need.name, choice.entry)
            for need, choice in taken
            if choice.entry.filename not in self._needs
        }

        async def read(one: tuple[str, Entry]) -> None:
            name, entry = one
            self._needs[entry.filename] = await self._needs_by_metadata(name, entry)

        await each(list(unread.values()), read)

    async def _needs_by_metadata(self, name: str, entry: Entry) -> list[Requirement]:
        if not entry.filename.endswith(".whl"):
            self.plan.remarks.append(
                f"{entry.filename} is an sdist: what it needs, also to be built, is not known; "
                "name it yourself."
            )
            return []
        shop, repository = self._shop, self._repository
        try:
            row = await shop.reads.metadata(repository.id, entry.path, entry.filename)
            found = await metadata(shop, repository, entry.path, entry.filename, row=row)
        except StorageError:
            raise
        except LocalshopError as error:
            what = f"what {entry.filename} needs"
            self.plan.lacks(what, error.slug, error.sentence)
            return []
        if found is None or isinstance(found, Withheld):
            slug, sentence = (
                (found.slug, found.sentence) if found else ("no-such-file", f"It is gone from {name}.")
            )
            self.plan.lacks(f"what {entry.filename} needs", slug, sentence)
            return []
        return await shop.run(requires, found.body)

    def _needs_of(self, need: _Need, choice: Choice) -> list[_Need]:
        extras = need.requirement.extras
        return [
            _Need(need.target, one, by=f"{need.name} {choice.version}")
            for one in self._needs.get(choice.entry.filename, [])
            if need.target.applies(one.marker, extras)
        ]


async def each(items: Sequence[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    """Do something with each item, a few at once; the first error ends it all and is raised."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(items))):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
