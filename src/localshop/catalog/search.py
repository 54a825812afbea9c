"""Finds private projects by what their names and summaries contain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from localshop.protocol.names import normalise

from .models import File, Project


@dataclass(frozen=True, slots=True)
class FoundProject:
    """A private project that a search found; ``files``: path, name, and whether it is yanked."""

    id: int
    serial: int
    name: str
    title: str
    summary: str
    files: tuple[tuple[str, str, bool], ...]


def search(
    repository_id: int, *, names: Sequence[str], summaries: Sequence[str], both: bool, most: int
) -> list[FoundProject]:
    """Private projects of a repository in the order of their names, ``most`` at the most.

    A name or a summary matches when it contains one of its texts, in any case. ``both``: if there are
    texts for either, either has to match.
    """
    named, summarised = Q(), Q()
    for text in names:
        named |= Q(name__contains=normalise(text)) | Q(title__icontains=text)
    for text in summaries:
        summarised |= Q(summary__icontains=text)
    asked = named & summarised if both else named | summarised
    own = Project.objects.filter(repository_id=repository_id, kind=Project.Kind.PRIVATE, listed=True)
    rows = list(own.filter(asked).order_by("name")[:most])
    listed: dict[int, list[tuple[str, str, bool]]] = defaultdict(list)
    live = File.objects.filter(project__in=[row.id for row in rows], state=File.State.LIVE)
    columns = ("project_id", "path", "filename", "entry__yanked")
    for project_id, path, filename, yanked in live.values_list(*columns):
        listed[project_id].append((path, filename, bool(yanked)))
    return [
        FoundProject(
            id=row.id,
            serial=row.serial,
            name=row.name,
            title=row.title,
            summary=row.summary,
            files=tuple(listed[row.id]),
        )
        for row in rows
    ]
