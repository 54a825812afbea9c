"""Learns the licences of releases that are hidden only because nobody has looked yet.

What is hidden is asked for by nobody, so without this its METADATA would never come.
"""

from __future__ import annotations

import contextlib

from packaging.version import Version

from localshop.catalog import files, projects
from localshop.catalog.records import ProjectRecord, RepositoryRecord
from localshop.errors import UpstreamError
from localshop.policies.licences import Licences
from localshop.protocol.document import Entry
from localshop.protocol.filenames import version_or_none
from localshop.shelf.hearing import hearing
from localshop.shelf.parts import answering
from localshop.shop import Shop

from .locate import Located
from .metadata import fetch_metadata

_MOST = 20
"""Of so many releases of a project, the newest: a project may have thousands."""


def are_wanted(repository: RepositoryRecord) -> bool:
    """Whether the repository hides what it knows no licence of."""
    rule = repository.rules.get(Licences.name)
    return isinstance(rule, Licences) and rule.unknown == "hide" and rule.mode == "enforced"


async def learn_licences(shop: Shop, repository: RepositoryRecord, project: ProjectRecord) -> None:
    """Fetch the METADATA of the newest releases that nothing else hides; each makes the page again."""

    async def learn() -> None:
        for located in await shop.look(_unknown, repository, project, shop.now()):
            # Without it the release stays hidden, and it is tried again when the page is made again.
            with contextlib.suppress(UpstreamError):
                await fetch_metadata(shop, repository, located, whole=False)

    await shop.flights.once(f"licences {project.id}", learn)


def _unknown(repository: RepositoryRecord, project: ProjectRecord, now: float) -> list[Located]:
    """A wheel of each of the newest releases whose licence alone is missing."""
    answer = answering(repository, projects.upstream_pages(project.id))
    source = next((one for one in repository.upstreams if answer and one.id == answer.upstream_id), None)
    if answer is None or source is None:
        return []
    called, held = hearing(repository, project), files.metadata_digests(project.id)
    wheels: dict[Version, list[Entry]] = {}
    for entry in answer.document.files:
        subject = called.subject(entry)
        version = version_or_none(subject.version) if subject.kind == "wheel" else None
        if version is not None:
            wheels.setdefault(version, []).append(entry)
    found = []
    for version in sorted(wheels, reverse=True)[:_MOST]:
        first = wheels[version][0]
        rules = {one.rule for one in called.judge.verdicts(called.subject(first), now) if not one.watched}
        if rules == {Licences.name} and not any(one.place in held for one in wheels[version]):
            found.append(Located(project, source, first))
    return found
