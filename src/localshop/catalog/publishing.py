"""Private files come in: one transaction for the project, the file, its METADATA and the journal."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from django.db import transaction
from django.db.models import F

from localshop.errors import StorageError
from localshop.protocol.document import Entry, entry_to_json
from localshop.protocol.licences import licence_of

from . import attestations
from .journal import Actor, note
from .models import Blob, CoreMetadata, File, Project, Repository


class Taken(Enum):
    """What stands in the way of a file, or does not."""

    FREE = "free"
    SAME = "same"
    """These very bytes are here under this name."""
    OTHER = "other"
    """Other bytes are."""
    BURNT = "burnt"
    """Other bytes were, and somebody may still trust the name."""
    MIRRORED = "mirrored"
    """The whole project comes from an upstream."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that was examined and whose bytes are in the storage as ``name``."""

    project: str
    title: str
    summary: str
    entry: Entry
    name: str
    metadata: bytes
    """METADATA, or an sdist's PKG-INFO, byte-exact; empty: there is none that could be read."""
    publisher: str
    """Who uploads it: ``user <id>`` or ``credential <id>``."""
    attestations: list[object]
    """As they were sent (PEP 740)."""


def taken(repository_id: int, filename: str, sha256: str) -> Taken:
    """What there is under this file name; it may change until the file is registered."""
    rows = File.objects.filter(repository_id=repository_id, filename=filename, upstream=None)
    live = rows.filter(state=File.State.LIVE).first()
    if live is not None:
        if live.sha256 != sha256:
            return Taken.OTHER
        # Bytes that were lost may come again.
        return Taken.SAME if live.blob_id is not None else Taken.FREE
    if rows.filter(state=File.State.DELETED).exclude(sha256=sha256).exists():
        return Taken.BURNT
    return Taken.FREE


def filenames_of(repository_id: int, project: str) -> list[str]:
    """The names of all files of a project that may be shown."""
    live = File.objects.filter(repository_id=repository_id, project__name=project, state=File.State.LIVE)
    return list(live.values_list("filename", flat=True))


def register(
    repository_id: int,
    arrival: Arrival,
    *,
    overwrite: bool,
    actor: Actor,
    at: datetime,
    is_stored: Callable[[str], bool],
) -> Taken:
    """Make a file visible, unless another has taken its name since; then that is told.

    ``overwrite``: other bytes take the place of the file of this name, under a new URL.
    ``is_stored`` tells whether the storage has all bytes of this name; if not, ``StorageError`` is raised.
    """
    entry = arrival.entry
    sha256 = entry.sha256 or ""
    with transaction.atomic():
        project = _project(repository_id, arrival.project)
        if project.kind == Project.Kind.MIRRORED:
            return Taken.MIRRORED
        found = taken(repository_id, entry.filename, sha256)
        if found is Taken.SAME or (found in {Taken.OTHER, Taken.BURNT} and not overwrite):
            return found
        _renew(project, arrival)
        File.objects.filter(
            repository_id=repository_id, filename=entry.filename, state=File.State.LIVE, upstream=None
        ).update(state=File.State.SUPERSEDED)
        blob, _ = Blob.objects.update_or_create(
            sha256=sha256, defaults={"size": entry.size or 0, "name": arrival.name}
        )
        if not is_stored(arrival.name):
            # The same bytes, mirrored, made room a moment ago; from now on this row keeps them.
            raise StorageError(f"The bytes of {entry.filename} have gone again; send it once more.")
        file, _ = File.objects.update_or_create(
            repository_id=repository_id,
            path=entry.path,
            filename=entry.filename,
            defaults={
                "project": project,
                "sha256": sha256,
                "size": entry.size,
                "entry": entry_to_json(entry),
                "blob": blob,
                "state": File.State.LIVE,
            },
        )
        if arrival.attestations:
            attestations.keep(file.id, arrival.attestations)
        if arrival.metadata:
            _keep_metadata(project, arrival)
        slug = Repository.objects.values_list("slug", flat=True).get(id=repository_id)
        detail: Mapping[str, object] = {
            "sha256": sha256,
            "size": entry.size,
            "overwrote": found is not Taken.FREE,
        }
        note(
            "uploaded",
            actor,
            at=at,
            repository=slug,
            project=project.name,
            subject=entry.filename,
            detail=detail,
        )
    return Taken.FREE


def _keep_metadata(project: Project, arrival: Arrival) -> None:
    CoreMetadata.objects.update_or_create(
        repository_id=project.repository_id,
        path=arrival.entry.path,
        filename=arrival.entry.filename,
        defaults={
            "project": project,
            "sha256": digest_of(arrival.metadata),
            "body": zlib.compress(arrival.metadata),
            "licence": licence_of(arrival.metadata),
        },
    )


def digest_of(metadata: bytes) -> str:
    """SHA-256 in hex, by which METADATA is announced (PEP 658)."""
    return hashlib.sha256(metadata).hexdigest()


def _project(repository_id: int, name: str) -> Project:
    """The project's row, held: two uploads of one name at the same time come one after the other."""
    project, _ = Project.objects.get_or_create(
        repository_id=repository_id, name=name, defaults={"kind": Project.Kind.PRIVATE}
    )
    return Project.objects.select_for_update().get(id=project.id)


def _renew(project: Project, arrival: Arrival) -> None:
    """Private from its first upload on, and newer by one change."""
    Project.objects.filter(id=project.id).update(
        kind=Project.Kind.PRIVATE,
        publisher=project.publisher or arrival.publisher,
        title=arrival.title,
        summary=arrival.summary,
        listed=True,
        serial=F("serial") + 1,
        arrivals=F("arrivals") + 1,
    )
