"""What lists of the web interface read: files and projects, newest first, no query for each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from localshop.catalog.models import File, Project
from localshop.catalog.records import RepositoryRecord


@dataclass(frozen=True, slots=True)
class Filters:
    """What somebody looks for; empty: everything."""

    words: str = ""
    repository: str = ""
    kind: str = ""


def projects(repositories: Sequence[RepositoryRecord], filters: Filters) -> QuerySet[Project]:
    """The projects of these repositories that fit: those whose name begins so come first."""
    wanted = [one.id for one in repositories if filters.repository in {"", one.slug}]
    found = Project.objects.filter(repository__in=wanted, listed=True).select_related("repository")
    if filters.kind in {"private", "mirrored"}:
        found = found.filter(kind=filters.kind)
    for word in filters.words.split()[:6]:
        # Django escapes what LIKE would take for a wildcard.
        found = found.filter(Q(name__contains=word.lower()) | Q(summary__icontains=word))
    return found.order_by("name", "repository__slug")


def recent_files(repositories: Sequence[RepositoryRecord], *, private: bool, most: int) -> list[File]:
    """The files that came last: uploaded ones, or mirrored ones.

    Their ids are looked for first, which an index can answer by itself.
    """
    here = File.objects.filter(
        repository__in=[one.id for one in repositories],
        state=File.State.LIVE,
        blob__isnull=False,
        upstream__isnull=private,
    )
    # Some more than wanted: a mirrored file whose upstream was taken away looks like an uploaded one.
    ids = list(here.order_by("-id").values_list("id", flat=True)[: 3 * most])
    kind = Project.Kind.PRIVATE if private else Project.Kind.MIRRORED
    rows = File.objects.filter(id__in=ids).select_related("project", "repository", "blob")
    return [row for row in rows.order_by("-id") if row.project.kind == kind][:most]
