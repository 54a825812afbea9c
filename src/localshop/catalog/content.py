"""Changes to what is published: yanked, deleted, turned private, marked with a status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet

from localshop.errors import BadInput
from localshop.protocol.filenames import parse, version_or_none
from localshop.protocol.names import normalise

from . import holds
from .journal import Actor, note
from .models import Blob, CoreMetadata, File, Project, Repository

STATUSES = ("active", "archived", "deprecated", "quarantined")
"""Those of PEP 792."""


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody does to a project: where, who, and when."""

    repository: str
    project: str
    actor: Actor
    at: datetime


def yank(change: Change, version: str, *, reason: str) -> list[str]:
    """Withdraw a private release (PEP 592): only who names its version exactly still gets it."""
    return _mark(change, version, yanked=reason or True, action="yanked")


def unyank(change: Change, version: str) -> list[str]:
    """Take a yank back."""
    return _mark(change, version, yanked=False, action="unyanked")


def files_of_release(change: Change, version: str) -> list[str]:
    """The names of the files that ``delete_release`` would delete."""
    return [row.filename for row in _live(_project(change)) if _is_of(row, version)]


def delete_release(change: Change, version: str, *, bytes_too: bool) -> tuple[list[str], list[str]]:
    """Delete all files of a release: the names, and what the storage called bytes that nobody needs now."""
    return _delete(change, lambda row: _is_of(row, version), what=f"release {version!r}", bytes_too=bytes_too)


def delete_file(change: Change, filename: str, *, bytes_too: bool) -> tuple[list[str], list[str]]:
    """Delete one file; as ``delete_release``."""
    return _delete(
        change, lambda row: row.filename == filename, what=f"file {filename!r}", bytes_too=bytes_too
    )


def delete_project(change: Change, *, bytes_too: bool) -> tuple[list[str], list[str]]:
    """Delete all files of a project; as ``delete_release``.

    A private name stays private, so that nobody upstream can take it over. A mirrored project is
    forgotten, and looked up again when somebody asks for it.
    """
    with transaction.atomic():
        deleted = _delete(change, lambda _: True, what="file", bytes_too=bytes_too, may_be_none=True)
        project = _project(change)
        if project.kind != Project.Kind.PRIVATE:
            project.delete()
    return deleted


def turn_private(change: Change) -> None:
    """Make a project private from now on: its upstream is not asked any more, its files there are gone."""
    with transaction.atomic():
        project = _project(change)
        File.objects.filter(project=project).delete()
        CoreMetadata.objects.filter(project=project).delete()
        _touch(project, kind=Project.Kind.PRIVATE, status="active", status_reason="")
        _note("turned-private", change)


def set_status(change: Change, status: str, *, reason: str) -> None:
    """Mark a private project as archived, deprecated or quarantined (PEP 792), or as active again."""
    if status not in STATUSES:
        raise BadInput(f"{status!r} is no status: {', '.join(STATUSES)}.")
    with transaction.atomic():
        project = _private(change)
        _touch(project, status=status, status_reason=reason)
        _note("status-set", change, detail={"status": status, "reason": reason, "before": project.status})


def _mark(change: Change, version: str, *, yanked: bool | str, action: str) -> list[str]:
    with transaction.atomic():
        project = _private(change)
        rows = [row for row in _live(project) if _is_of(row, version)]
        if not rows:
            raise BadInput(f"{project.name} has no release {version!r}.")
        for row in rows:
            row.entry["yanked"] = yanked
            row.save(update_fields=["entry"])
        _touch(project)
        _note(action, change, subject=version, detail={"reason": yanked})
    return [row.filename for row in rows]


def _delete(
    change: Change,
    is_meant: Callable[[File], bool],
    *,
    what: str,
    bytes_too: bool,
    may_be_none: bool = False,
) -> tuple[list[str], list[str]]:
    with transaction.atomic():
        project = _project(change)
        rows = [row for row in _live(project) if is_meant(row)]
        if not rows and not may_be_none:
            raise BadInput(f"{project.name} has no {what}.")
        blobs = {row.blob_id for row in rows if row.blob_id is not None}
        for row in rows:
            CoreMetadata.objects.filter(
                repository_id=row.repository_id, path=row.path, filename=row.filename
            ).delete()
            _note("deleted", change, subject=row.filename, detail={"sha256": row.sha256})
            if project.kind != Project.Kind.PRIVATE:
                # It may be mirrored again at any time.
                row.delete()
                continue
            row.state = File.State.DELETED
            if bytes_too:
                row.blob = None
            row.save(update_fields=["state", "blob"])
        _touch(project, listed=_live(project).exists())
        gone = _drop_unneeded(blobs) if bytes_too else []
    return [row.filename for row in rows], gone


def _drop_unneeded(blobs: set[int]) -> list[str]:
    """Forget bytes that no file of any repository needs; gives what the storage calls those that may go."""
    unneeded = Blob.objects.filter(id__in=blobs, files=None)
    # A backup may need them yet; then the next sweep finds them.
    names = [] if holds.held() else list(unneeded.values_list("name", flat=True))
    unneeded.delete()
    return names


def _is_of(row: File, version: str) -> bool:
    name = parse(row.filename, row.project.name)
    if name is None:
        return False
    wanted = version_or_none(version)
    return name.version == version if wanted is None else version_or_none(name.version) == wanted


def _live(project: Project) -> QuerySet[File]:
    return (
        File.objects.filter(project=project, state=File.State.LIVE).select_related("project").order_by("id")
    )


def _project(change: Change) -> Project:
    repository = Repository.objects.filter(slug=change.repository).first()
    if repository is None:
        raise BadInput(f"There is no repository {change.repository!r}.")
    row = Project.objects.filter(repository=repository, name=normalise(change.project)).first()
    if row is None:
        raise BadInput(f"Repository {change.repository!r} knows no project {change.project!r}.")
    return row


def _private(change: Change) -> Project:
    row = _project(change)
    if row.kind != Project.Kind.PRIVATE:
        raise BadInput(f"{row.name} is not a private project: what its upstream says of it holds here too.")
    return row


def _touch(project: Project, **changes: object) -> None:
    Project.objects.filter(id=project.id).update(
        serial=F("serial") + 1, arrivals=F("arrivals") + 1, **changes
    )


def _note(action: str, change: Change, *, subject: str = "", detail: dict[str, object] | None = None) -> None:
    note(
        action,
        change.actor,
        at=change.at,
        repository=change.repository,
        project=normalise(change.project),
        subject=subject,
        detail=detail,
    )
