"""The page of one project: how to install it, its releases with their files, where each file stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from packaging.version import Version

from localshop import config
from localshop.catalog import files, projects
from localshop.catalog.records import ProjectRecord, RepositoryRecord
from localshop.policies.judge import Subject, Verdict, judge
from localshop.protocol.document import Entry, entry_from_json
from localshop.protocol.filenames import parse, version_or_none
from localshop.shelf.shelf import answering

from . import rights
from .start import index_url


@dataclass(frozen=True, slots=True)
class FileLine:
    """One file as the page shows it; ``hidden``: the verdict that keeps it from clients."""

    entry: Entry
    url: str
    here: bool
    hidden: Verdict | None


@dataclass(frozen=True, slots=True)
class Release:
    """All files of one version."""

    version: str
    files: Sequence[FileLine]

    @property
    def yanked(self) -> bool:
        """Whether all of it was withdrawn."""
        return all(line.entry.yanked for line in self.files)

    @property
    def uploaded(self) -> str:
        """When its first file came, as a date; empty: nobody knows."""
        return min((line.entry.upload_time or "" for line in self.files), default="")[:10]


@require_safe
def project(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """What is known of a project, from our own files and its upstream's last word."""
    repository = rights.repository_to_read(request, slug)
    found = projects.project(repository.id, name)
    if found is None:
        raise Http404(f"There is no package {name!r} in {slug!r} yet.")
    return render(
        request,
        "web/packages/project.html",
        {
            "repository": repository,
            "project": found,
            "releases": releases(repository, found),
            "index": index_url(request, repository),
        },
    )


def releases(repository: RepositoryRecord, found: ProjectRecord) -> list[Release]:
    """The releases, newest first, with all their files: those that are here and those upstream."""
    lines = sorted(_lines(repository, found), key=_order, reverse=True)
    return [
        Release(version, tuple(group))
        for version, group in groupby(lines, key=lambda line: _version(line, found.name))
    ]


def _lines(repository: RepositoryRecord, found: ProjectRecord) -> list[FileLine]:
    own = {file.filename: file for file in files.files_of(found.id)}
    entries = {name: entry_from_json(file.entry) for name, file in own.items() if file.blob is not None}
    if found.kind != "private":
        answer = answering(repository, projects.upstream_pages(found.id))
        for entry in answer[1].files if answer is not None else ():
            entries.setdefault(entry.filename, entry)
    base = f"{config.current().mount_path}/repo/{repository.slug}/packages"
    return [
        FileLine(
            entry=entry,
            url=f"{base}/{entry.path}/{entry.filename}",
            here=name in own and own[name].blob is not None,
            hidden=judge(Subject(found.name, name, found.status, found.status_reason)),
        )
        for name, entry in entries.items()
    ]


def _version(line: FileLine, project_name: str) -> str:
    parsed = parse(line.entry.filename, project_name)
    return parsed.version if parsed is not None else ""


def _order(line: FileLine) -> tuple[Version, str]:
    parsed = parse(line.entry.filename)
    version = version_or_none(parsed.version) if parsed is not None else None
    return version or Version("0"), line.entry.filename
