"""The legacy JSON of a project: its page in another form, with what the METADATA of a release says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from localshop.catalog import advisories, files, projects
from localshop.catalog.reads import MetadataRow
from localshop.catalog.records import RepositoryRecord
from localshop.errors import LocalshopError
from localshop.protocol import legacy_json
from localshop.protocol.legacy_json import Record, Releases, Told
from localshop.shelf import shelf
from localshop.shelf.shelf import Rendered
from localshop.shop import Shop

from .metadata import metadata
from .names import is_ours

_PATIENCE = 4.0
"""Seconds for which a document waits for METADATA that has to be fetched."""
_AGAIN_AFTER = 60.0
"""Seconds after which METADATA is looked for again that could not be had."""


async def legacy(
    shop: Shop, repository: RepositoryRecord, page: Rendered, *, version: str
) -> Rendered | None:
    """The document of a project, or of a version of it; None: the page has no such version.

    ``page`` is the project's in JSON: there are no other files and no other verdicts than on it.
    What METADATA says is missing when that cannot be had; the rest does not wait for it.
    """
    key = ("legacy", repository.id, page.serial, page.digest)
    known: Rendered | None = shop.pages.get((*key, version))
    if known is not None and (known.good_until is None or shop.steady() < known.good_until):
        return known
    record, releases = await shop.run(_read, page)
    wanted = legacy_json.spelled(releases, version) if version else legacy_json.latest(releases)
    if wanted is None:
        return None
    base = shelf.base_of(shop, repository)
    body = await _metadata(shop, repository, releases.get(wanted, ()), base=base)
    origin = shop.config.public_url
    faults = await shop.look(_vulnerabilities, repository, record["name"], wanted) if wanted else []
    told = Told(
        serial=page.serial, metadata=body, origin=origin, base=f"{origin}{base}", vulnerabilities=faults
    )
    made = await shop.run(_write, record, releases, wanted, whole=not version, told=told)
    if releases and not body:
        # It never leaves this process's memory.
        made.good_until = shop.steady() + _AGAIN_AFTER
    # Under the one spelling of the version: there are endless others.
    shop.pages.put((*key, wanted if version else ""), made, weight=shelf.weight(made))
    return made


def _read(page: Rendered) -> tuple[Record, Releases]:
    record = json.loads(page.plain())
    return record, legacy_json.releases_of(record)


def _vulnerabilities(repository: RepositoryRecord, name: str, version: str) -> list[Record]:
    """What advisories say of a release; of a private project they say nothing, since they mean another."""
    kind = projects.kinds(repository.id, [name]).get(name, "")
    if is_ours(repository, name, kind=kind):
        return []
    findings = advisories.findings_of([name]).get(name, ())
    hits = {one.advisory: one.affected for one in findings if one.affected.holds(version)}
    bodies = advisories.bodies(hits)
    return [
        legacy_json.vulnerability(json.loads(bodies[one]), affected.fixed_in())
        for one, affected in hits.items()
        if one in bodies
    ]


def _write(record: Record, releases: Releases, version: str, **more: Any) -> Rendered:
    plain = legacy_json.document(record, releases, version, **more)
    return shelf.pack(plain)


async def _metadata(
    shop: Shop, repository: RepositoryRecord, release: Sequence[Record], *, base: str
) -> bytes:
    """METADATA of a release: what is held, else what can be had at little cost, else nothing."""
    wheels_first = sorted(release, key=lambda record: not record["filename"].endswith(".whl"))
    places = [_place(record, base) for record in wheels_first]
    held = await shop.run(files.metadata_among, repository.id, places) if places else b""
    announced = [record for record in wheels_first if record.get("core-metadata")]
    if held or not announced:
        return held
    # That of the smallest wheel, from a file beside it if there is one.
    cheapest = min(announced, key=lambda record: (record["core-metadata"] is True, record.get("size") or 0))
    path, filename = _place(cheapest, base)
    try:
        row = await shop.reads.metadata(repository.id, path, filename)
        coming = metadata(shop, repository, path, filename, row=row, whole=False)
        found = await asyncio.wait_for(coming, _PATIENCE)
    except (LocalshopError, TimeoutError):
        # Whoever asks for the METADATA itself is told why.
        return b""
    return found.body if isinstance(found, MetadataRow) else b""


def _place(record: Record, base: str) -> tuple[str, str]:
    """Where the file of a page's record is: its path below ``packages/``, and its name."""
    path = record["url"].removeprefix(f"{base}packages/").rpartition("/")[0]
    return path, record["filename"]
