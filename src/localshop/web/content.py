"""What is changed on a project's page: yanked, taken back, deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from localshop import config
from localshop.catalog import content, projects
from localshop.catalog.content import Change
from localshop.catalog.records import ProjectRecord, RepositoryRecord
from localshop.errors import BadInput, StorageError
from localshop.storage.removal import remove_bytes

from . import rights

Deleted = tuple[list[str], list[str]]
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class May:
    """What somebody may do to a project."""

    yank: bool = False
    delete: bool = False


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


@require_POST
def delete_release(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Delete all files of a release."""
    change = _change(request, slug, name, right="delete")
    version = request.POST.get("version", "")
    return _delete(
        request,
        change,
        f"Release {version} is deleted.",
        lambda bytes_too: content.delete_release(change, version, bytes_too=bytes_too),
    )


@require_POST
def delete_file(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Delete one file."""
    change = _change(request, slug, name, right="delete")
    filename = request.POST.get("filename", "")
    return _delete(
        request,
        change,
        f"{filename} is deleted.",
        lambda bytes_too: content.delete_file(change, filename, bytes_too=bytes_too),
    )


@require_POST
def delete_project(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Delete all files of a project."""
    change = _change(request, slug, name, right="delete")
    return _delete(
        request,
        change,
        f"All files of {change.project} are deleted.",
        lambda bytes_too: content.delete_project(change, bytes_too=bytes_too),
    )


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


def _delete(
    request: HttpRequest, change: Change, sentence: str, work: Callable[[bool], Deleted]
) -> HttpResponse:
    bytes_too = config.current().delete_files

    def both() -> None:
        _, gone = work(bytes_too)
        remove_bytes(gone)

    kept = "" if bytes_too else " The bytes stay in the storage."
    return _done(request, change, f"{sentence}{kept}", both)
