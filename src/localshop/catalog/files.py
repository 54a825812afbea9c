"""Files that were wanted, the bytes that are here, and the METADATA of wheels."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import F, Q

from localshop.policies.licences import Licences
from localshop.protocol.licences import licence_of

from . import attestations
from .durability import fetched_again
from .inserts import insert, insert_or_replace
from .journal import Actor, note
from .models import Blob, CoreMetadata, File, Project, Repository
from .projects import become
from .records import BlobRecord, FileRecord, WantedRecord

_SEEN = Q(blob__isnull=False) | Q(pinned=True)
"""Files whose bytes are here, or were here once: their digest was found right, and holds for ever."""

_PROJECT = """
    SELECT r.id, p.name, p.kind, CAST(r.rules AS text)
    FROM catalog_project p JOIN catalog_repository r ON r.id = p.repository_id WHERE p.id = %s
"""
_ARRIVING = """
    SELECT p.id, p.name, r.slug, f.filename, f.sha256, CAST(f.entry AS text)
    FROM catalog_file f
    JOIN catalog_project p ON p.id = f.project_id JOIN catalog_repository r ON r.id = f.repository_id
    WHERE f.id = %s
"""
_HAS_BYTES = "UPDATE catalog_file SET blob_id = %s, sha256 = %s WHERE id = %s"
_ARRIVED = "UPDATE catalog_project SET arrivals = arrivals + 1 WHERE id = %s"
_BLOB = "SELECT id, size, name FROM catalog_blob WHERE sha256 = %s"


def file_at(repository_id: int, path: str, filename: str) -> FileRecord | None:
    """The file of this URL, if anybody ever wanted it."""
    return _first(File.objects.filter(repository_id=repository_id, path=path, filename=filename))


def file_by_id(file_id: int) -> FileRecord | None:
    """The file of this id."""
    return _first(File.objects.filter(id=file_id))


def files_of(project_id: int) -> list[FileRecord]:
    """All files of a project that have a row and may be shown."""
    rows = (
        File.objects.filter(project_id=project_id, state=File.State.LIVE)
        .select_related("project", "blob")
        .order_by("id")
    )
    return [_record(row) for row in rows]


def every_row(project_id: int) -> list[FileRecord]:
    """All files of a project that have a row, also those that were overwritten or deleted."""
    rows = File.objects.filter(project_id=project_id).select_related("project", "blob").order_by("id")
    return [_record(row) for row in rows]


def wanted_in(repository_id: int) -> Iterator[WantedRecord]:
    """Every file of a repository that has a row, with what a rehearsal of rules needs of it."""
    rows = File.objects.filter(repository_id=repository_id)
    for row in rows.values_list("project__name", "path", "filename", "created", "gone").iterator():
        project, path, filename, created, gone = row
        yield WantedRecord(project, path, filename, created.timestamp(), gone)


def want_file(
    project_id: int,
    *,
    upstream_id: int,
    filename: str,
    path: str,
    sha256: str,
    size: int | None,
    entry: Mapping[str, object],
) -> FileRecord | None:
    """Make the row of a file that somebody asked for. The first digest that was seen stays.

    With it an undecided project becomes a mirrored one; None: it has become a private one.
    """
    with fetched_again():
        become(project_id, Project.Kind.MIRRORED)
        project = _project(project_id)
        if project.kind == Project.Kind.PRIVATE:
            return None
        row = File(
            repository_id=project.repository_id,
            path=path,
            filename=filename,
            project=project,
            upstream_id=upstream_id,
            sha256=sha256,
            size=size,
            entry=dict(entry),
        )
        if not insert(row):
            row = File.objects.get(repository_id=project.repository_id, path=path, filename=filename)
            if not row.sha256 and sha256:
                row.sha256 = sha256
                row.save(update_fields=["sha256"])
        row.blob = _blob(row.sha256) if row.sha256 else None
        if row.blob is not None:
            # Another repository has these very bytes.
            row.save(update_fields=["blob"])
            _came_home(row, sha256=row.sha256, size=row.blob.size)
    return _record(row)


def file_arrived(file_id: int, *, sha256: str, size: int, name: str) -> BlobRecord:
    """The bytes of a file are in the storage as ``name``, complete and verified."""
    with fetched_again():
        row = _arriving(file_id)
        blob = Blob(sha256=sha256, size=size, name=name)
        if not insert(blob):
            blob = Blob.objects.get(sha256=sha256)
            blob.size, blob.name = size, name
            blob.save(update_fields=["size", "name"])
        with connection.cursor() as cursor:
            cursor.execute(_HAS_BYTES, [blob.id, sha256, file_id])
        if row.sha256 != sha256:
            # A file whose page told no digest has one now.
            Project.objects.filter(id=row.project_id).update(serial=F("serial") + 1)
        _came_home(row, sha256=sha256, size=size)
    return BlobRecord(sha256=sha256, size=size, name=name)


def size_told(file_id: int, size: int) -> None:
    """The upstream told the size (bytes) of a file whose page did not."""
    with transaction.atomic():
        File.objects.filter(id=file_id, blob=None).update(size=size)


def stored_as(project_id: int, filename: str) -> FileRecord | None:
    """The file of this name whose bytes are here, or were: of one name there is never another."""
    live = File.objects.filter(project_id=project_id, state=File.State.LIVE)
    return _first(live.filter(_SEEN, filename=filename))


def compare(project_id: int, announced: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Take note of stored files whose upstream now announces another digest (by file name).

    Gives those of which that is news: file name, the digest that stays, the one that is refused.
    """
    news = []
    with transaction.atomic():
        for row in File.objects.filter(_SEEN, project_id=project_id).select_related("project", "repository"):
            other = announced.get(row.filename, "")
            other = "" if other == row.sha256 else other
            if other != row.announced:
                row.announced = other
                row.save(update_fields=["announced"])
                if other:
                    news.append((row.filename, row.sha256, other))
                    _note("digest-changed", row, {"stays": row.sha256, "announced": other})
    return news


def blob_of(sha256: str) -> BlobRecord | None:
    """The bytes of this digest, if they are here."""
    row = _blob(sha256)
    return BlobRecord(sha256=row.sha256, size=row.size, name=row.name) if row else None


def blob_vanished(sha256: str) -> None:
    """The bytes of this digest are no longer in the storage, whoever took them."""
    with transaction.atomic():
        row = Blob.objects.filter(sha256=sha256).first()
        if row is not None:
            forget(row)


def forget(row: Blob) -> None:
    """Take bytes from all files that have them; the digest that was seen first stays with each."""
    with transaction.atomic():
        Project.objects.filter(files__blob=row).update(arrivals=F("arrivals") + 1)
        File.objects.filter(blob=row).update(blob=None, pinned=True)
        row.delete()


def save_metadata(
    project_id: int, *, path: str, filename: str, sha256: str, body: bytes, surprising: bool
) -> None:
    """Keep the METADATA of a wheel, byte-exact; what the wheel itself says replaces what was told.

    ``surprising``: its page announces another digest, so the page has to be made again; as it has to be
    where licences decide what is shown.
    """
    with fetched_again():
        project = _project(project_id)
        held = CoreMetadata(
            repository_id=project.repository_id,
            project=project,
            path=path,
            filename=filename,
            sha256=sha256,
            body=zlib.compress(body),
            licence=licence_of(body),
        )
        insert_or_replace(held, unique=["repository_id", "path", "filename"])
        _arrived(project_id)
        if surprising or Licences.name in project.repository.rules:
            Project.objects.filter(id=project_id).update(serial=F("serial") + 1)


def metadata_digest(repository_id: int, path: str, filename: str) -> str | None:
    """SHA-256 of the METADATA of a wheel, if that is held."""
    held = CoreMetadata.objects.filter(repository_id=repository_id, path=path, filename=filename)
    return held.values_list("sha256", flat=True).first()


def metadata_digests(project_id: int) -> dict[tuple[str, str], str]:
    """SHA-256 of each METADATA that is held of a project, by path and file name of the wheel."""
    rows = CoreMetadata.objects.filter(project_id=project_id)
    return {
        (path, filename): digest for path, filename, digest in rows.values_list("path", "filename", "sha256")
    }


def licences(project_id: int) -> dict[tuple[str, str], str]:
    """What each METADATA that is held tells of its licence, by path and file name; "" where it does not."""
    rows = CoreMetadata.objects.filter(project_id=project_id)
    unread = list(rows.filter(licence=None).only("body"))
    for row in unread:
        row.licence = licence_of(zlib.decompress(row.body))
    if unread:
        # Written by an older localshop.
        with fetched_again():
            CoreMetadata.objects.bulk_update(unread, ["licence"], batch_size=200)
    return {
        (path, filename): licence or ""
        for path, filename, licence in rows.values_list("path", "filename", "licence")
    }


def metadata_among(repository_id: int, places: Sequence[tuple[str, str]]) -> bytes:
    """The METADATA of the first of these files (path, name) of which it is held; empty: of none."""
    rows = CoreMetadata.objects.filter(
        repository_id=repository_id,
        path__in={path for path, _ in places},
        filename__in={filename for _, filename in places},
    )
    held = {(path, filename): row for row, path, filename in rows.values_list("id", "path", "filename")}
    first = next((held[place] for place in places if place in held), 0)
    body = CoreMetadata.objects.filter(id=first).values_list("body", flat=True).first()
    return zlib.decompress(body) if body is not None else b""


def _came_home(row: File, *, sha256: str, size: int) -> None:
    _arrived(row.project_id)
    if row.entry.get("provenance"):
        attestations.ask(row.id)
    _note("mirrored", row, {"sha256": sha256, "size": size})


def _note(action: str, row: File, detail: Mapping[str, object]) -> None:
    """Nobody did it by himself: he asked for a file, or it was time to look at a page."""
    note(
        action,
        Actor("localshop"),
        at=datetime.now(UTC),
        repository=row.repository.slug,
        project=row.project.name,
        subject=row.filename,
        detail=detail,
    )


def _arrived(project_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ARRIVED, [project_id])


def _project(project_id: int) -> Project:
    """The project with the rules of its repository, for what a first installation writes."""
    with connection.cursor() as cursor:
        cursor.execute(_PROJECT, [project_id])
        found = cursor.fetchone()
    if found is None:
        raise Project.DoesNotExist
    repository_id, name, kind, rules = found
    repository = Repository(id=repository_id, rules=json.loads(rules))
    return Project(id=project_id, repository=repository, name=name, kind=kind)


def _arriving(file_id: int) -> File:
    """A file with what has to be known of it when its bytes arrive."""
    with connection.cursor() as cursor:
        cursor.execute(_ARRIVING, [file_id])
        found = cursor.fetchone()
    if found is None:
        raise File.DoesNotExist
    project_id, project, slug, filename, sha256, entry = found
    row = File(id=file_id, filename=filename, sha256=sha256, entry=json.loads(entry))
    row.project, row.repository = Project(id=project_id, name=project), Repository(slug=slug)
    return row


def _blob(sha256: str) -> Blob | None:
    with connection.cursor() as cursor:
        cursor.execute(_BLOB, [sha256])
        found = cursor.fetchone()
    return Blob(id=found[0], sha256=sha256, size=found[1], name=found[2]) if found is not None else None


def _first(rows: object) -> FileRecord | None:
    row = rows.select_related("project", "blob").first()  # type: ignore[attr-defined]
    return _record(row) if row else None


def _record(row: File) -> FileRecord:
    blob = row.blob
    return FileRecord(
        id=row.id,
        repository_id=row.repository_id,
        project_id=row.project_id,
        project=row.project.name,
        kind=row.project.kind,
        upstream_id=row.upstream_id,
        filename=row.filename,
        path=row.path,
        sha256=row.sha256,
        size=row.size,
        entry=row.entry,
        blob=BlobRecord(sha256=blob.sha256, size=blob.size, name=blob.name) if blob else None,
        state=row.state,
        created=row.created,
        gone=row.gone,
    )
