"""What is inside a file, and what is new in it: for whoever looks before he trusts it.

The file is not opened here: a job does that, in a process of its own, when somebody has asked for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from localshop.catalog import inspections, projects, queue
from localshop.catalog.inspections import INSPECT, Report
from localshop.catalog.records import ProjectRecord, RepositoryRecord
from localshop.protocol.document import Entry
from localshop.protocol.filenames import parse
from localshop.protocol.names import normalise

from . import rights
from .releases import FileLine, releases


@dataclass(frozen=True, slots=True)
class Pair:
    """A file, and the one of the release before it that is most like it."""

    file: FileLine
    before: FileLine | None

    @property
    def marks(self) -> tuple[str, str]:
        """What both are known by, where reports are kept."""
        return _mark(self.file.entry), _mark(self.before.entry) if self.before is not None else ""

    @property
    def key(self) -> str:
        """What the job is known by that looks into it."""
        # The key of a job has room for one digest, and the marks of one file differ in their beginning.
        file, before = self.marks
        return f"{INSPECT} {file[:80]} {before[:80]}"


@require_http_methods(["GET", "HEAD", "POST"])
def inside(request: HttpRequest, slug: str, name: str, place: str, filename: str) -> HttpResponse:
    """Show what was found inside a file; a POST has somebody look."""
    repository = rights.repository_to_read(request, slug)
    project = projects.project(repository.id, normalise(name))
    pair = _pair(repository, project, place, filename) if project is not None else None
    if project is None or pair is None:
        raise Http404(f"There is no file {filename!r} here.")
    if request.method == "POST":
        rights.person_of(request)
        _ask(repository, pair)
        return redirect("inside", slug, project.name, place, filename)
    found = inspections.report(*pair.marks)
    context = {
        "repository": repository,
        "project": project,
        "pair": pair,
        "report": found,
        "lines": _lines(found) if found else [],
        "job": queue.jobs_by_key([pair.key]).get(pair.key) if found is None else None,
        "may_ask": rights.identity_of(request) is not None,
    }
    return render(request, "web/packages/inside.html", context)


def _ask(repository: RepositoryRecord, pair: Pair) -> None:
    payload = {
        "repository": repository.id,
        "file": _named(pair.file.entry),
        "before": _named(pair.before.entry) if pair.before is not None else None,
    }
    queue.enqueue(INSPECT, pair.key, payload=payload, now=time.time(), insist=True)


def _named(entry: Entry) -> dict[str, object]:
    return {"path": entry.path, "filename": entry.filename, "mark": _mark(entry)}


def _mark(entry: Entry) -> str:
    return entry.sha256 or entry.path


def _pair(repository: RepositoryRecord, project: ProjectRecord, place: str, filename: str) -> Pair | None:
    every = releases(repository, project)
    for position, release in enumerate(every):
        for line in release.files:
            if (line.entry.path, line.entry.filename) == (place, filename):
                older = [one for release in every[position + 1 :] for one in release.files]
                return Pair(line, _like(line, older))
    return None


def _like(line: FileLine, older: Sequence[FileLine]) -> FileLine | None:
    """The newest older file of its kind, for the same platform if there is one in that release."""
    shape = _shape(line.entry.filename)
    alike = [one for one in older if _shape(one.entry.filename)[0] == shape[0]]
    if not alike:
        return None
    newest = [one for one in alike if one.version == alike[0].version]
    return next((one for one in newest if _shape(one.entry.filename) == shape), newest[0])


def _shape(filename: str) -> tuple[str, str]:
    """The kind of a file, and the tags of a wheel."""
    parsed = parse(filename)
    kind = parsed.kind if parsed is not None else ""
    return kind, "-".join(filename.removesuffix(".whl").split("-")[-3:]) if kind == "wheel" else ""


def _lines(report: Report) -> list[tuple[str, list[tuple[str, str]]]]:
    """The lines that differ, by file, each with its mark: ``+``, ``-``, ``@`` or none."""
    difference: dict[str, Any] = report.get("difference") or {}
    return [
        (name, [(line[:1].strip(), line) for line in text.splitlines()[2:]])
        for name, text in difference.get("lines", [])
    ]
