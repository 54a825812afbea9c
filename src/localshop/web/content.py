"""What is changed on a project's page: yanked, taken back, deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from localshop import config
from localshop.catalog import content, projects, publishing
from localshop.catalog.content import Change
from localshop.catalog.records import ProjectRecord, RepositoryRecord
from localshop.errors import BadInput, StorageError
from localshop.storage.removal import remove_bytes

from . import rights

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class May:
    """What somebody may do to a project."""

    yank: bool = False
    delete: bool = False


@dataclass(frozen=True, slots=True)
class _Deletion:
    """What is to be deleted, and how; ``field`` and ``value`` tell the form what it is about."""

    what: str
    filenames: list[str]
    work: Callable[[bool], tuple[list[str], list[str]]]
    field: str = ""
    value: str = ""


def may_change(request: HttpRequest, repository: RepositoryRecord, found: ProjectRecord) -> May:
    """Who may upload to a project may yank; deleting is for owners.

    Where only the publisher and owners may publish to a project, only they may yank it, too.
    """
    if rights.may_own(request, repository):
        return May(yank=found.kind == "private", delete=True)
    if found.kind != "private" or not rights.may_upload(request, repository):
        return May()
    others = bool(found.publisher) and found.publisher != f"user {rights.person_of(request).id}"
    return May(yank=not (repository.owners_only and others))


@require_POST
def yank(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Withdraw a release: only who names its version exactly still gets it."""
    change = _change(request, slug, name, right="yank")
    reason = " ".join(request.POST.get("reason", "").split())[:_LONGEST_REASON]
    version = request.POST.get("version", "")
    return _done(
        request, change, f"{version} is yanked.", lambda: content.yank(change, version, reason=reason)
    )


@require_POST
def unyank(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Take a yank back."""
    change = _change(request, slug, name, right="yank")
    version = request.POST.get("version", "")
    return _done(request, change, f"{version} is back.", lambda: content.unyank(change, version))


@require_http_methods(["GET", "HEAD", "POST"])
def delete_release(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Ask, and delete all files of a release."""
    change = _change(request, slug, name, right="delete")
    version = _said(request, "version")
    deletion = _Deletion(
        what=f"release {version} of {change.project}",
        filenames=content.files_of_release(change, version),
        work=lambda bytes_too: content.delete_release(change, version, bytes_too=bytes_too),
        field="version",
        value=version,
    )
    return _delete(request, change, deletion)


@require_http_methods(["GET", "HEAD", "POST"])
def delete_file(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Ask, and delete one file."""
    change = _change(request, slug, name, right="delete")
    filename = _said(request, "filename")
    deletion = _Deletion(
        what=filename,
        filenames=[one for one in _filenames(request, change) if one == filename],
        work=lambda bytes_too: content.delete_file(change, filename, bytes_too=bytes_too),
        field="filename",
        value=filename,
    )
    return _delete(request, change, deletion)


@require_http_methods(["GET", "HEAD", "POST"])
def delete_project(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Ask, and delete all files of a project."""
    change = _change(request, slug, name, right="delete")
    deletion = _Deletion(
        what=f"all files of {change.project}",
        filenames=_filenames(request, change),
        work=lambda bytes_too: content.delete_project(change, bytes_too=bytes_too),
    )
    return _delete(request, change, deletion)


def _change(request: HttpRequest, slug: str, name: str, *, right: str) -> Change:
    """The change that is asked for, if the person has the right to it."""
    repository = rights.repository_to_read(request, slug)
    actor = rights.actor_of(request)
    found = projects.project(repository.id, name)
    if found is None:
        raise Http404(f"There is no package {name!r} in {slug!r}.")
    if not getattr(may_change(request, repository, found), right):
        raise PermissionDenied
    return Change(repository.slug, found.name, actor, datetime.now(UTC))


def _done(request: HttpRequest, change: Change, sentence: str, work: Callable[[], object]) -> HttpResponse:
    try:
        work()
    except (BadInput, StorageError) as error:
        messages.error(request, error.sentence)
    else:
        messages.success(request, sentence)
    if projects.project(rights.repository_to_read(request, change.repository).id, change.project) is None:
        return redirect("packages")
    return redirect("project", change.repository, change.project)


def _delete(request: HttpRequest, change: Change, deletion: _Deletion) -> HttpResponse:
    """Ask; as the answer to that, delete."""
    bytes_too = config.current().delete_files
    if request.method != "POST":
        if deletion.field and not deletion.filenames:
            raise Http404(
                f"{change.project} has no {deletion.field} {deletion.value!r} that could be deleted."
            )
        repository = rights.repository_to_read(request, change.repository)
        project = projects.project(repository.id, change.project)
        context = {"repository": repository, "project": project, "bytes_too": bytes_too, "deletion": deletion}
        return render(request, "web/packages/delete.html", context)

    def both() -> None:
        _, gone = deletion.work(bytes_too)
        remove_bytes(gone)

    kept = "" if bytes_too else " The bytes stay in the storage."
    return _done(request, change, f"Deleted: {deletion.what}.{kept}", both)


def _said(request: HttpRequest, field: str) -> str:
    given = request.POST if request.method == "POST" else request.GET
    return given.get(field, "")


def _filenames(request: HttpRequest, change: Change) -> list[str]:
    repository = rights.repository_to_read(request, change.repository)
    return publishing.filenames_of(repository.id, change.project)
