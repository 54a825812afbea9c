"""A file for whoever looks at its page: the stored bytes, by a session instead of credentials.

A session never opens the index, so a person who is logged in fetches a file here. What is not stored is
not fetched for him while he waits; the page says so, and has the button that brings it home.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import BinaryIO

from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from localshop import config
from localshop.catalog import blobs, downloads, files, projects
from localshop.catalog.records import BlobRecord, FileRecord, Given, ProjectRecord, RepositoryRecord, Tally
from localshop.errors import StorageError
from localshop.mirror.names import is_ours
from localshop.protocol import inert
from localshop.protocol.installers import installer
from localshop.shelf.hearing import hearing
from localshop.shelf.parts import answering
from localshop.storage.opening import open_store

from . import rights

_PIECE = 1 << 20


@require_safe
def download(request: HttpRequest, slug: str, name: str, place: str, filename: str) -> HttpResponseBase:
    """Give a stored file to whoever may read its repository; ``place`` is its path, ``aa/bb/rest``."""
    repository = rights.repository_to_read(request, slug)
    project = projects.project(repository.id, name)
    if project is None or (project.kind != "private" and is_ours(repository, name, kind=project.kind)):
        raise Http404(f"There is no package {name!r} in {slug!r}.")
    row = files.file_at(repository.id, place, filename)
    if row is not None and (row.project_id != project.id or row.state == "deleted"):
        raise Http404(f"There is no file {filename!r} here.")
    verdict = hearing(repository, project).verdict_at(place, filename, time.time())
    if verdict is not None:
        return _said(request, 403, "This file is hidden", verdict.sentence)
    if row is None or row.blob is None:
        return _missing(request, repository, project, place, filename, row=row)
    try:
        file = open_store().open(row.blob.name)
    except (FileNotFoundError, StorageError):
        sentence = f"The bytes of {filename} cannot be read from the storage just now."
        return _said(request, 503, "The file cannot be read", sentence)
    # Nobody goes without his file because this cannot be written down.
    with suppress(OperationalError):
        blobs.note_use({row.blob.sha256}, now=time.time())
        if request.method == "GET" and config.current().downloads_kept_days:
            _note_download(request, slug, row)
    return _answer(request, file, row.blob)


def _note_download(request: HttpRequest, slug: str, row: FileRecord) -> None:
    identity, now = rights.identity_of(request), time.time()
    person = identity.user if identity is not None else None
    one = Given(
        downloads.day_number(now),
        slug,
        row.path,
        row.filename,
        username=person.username if person is not None else "",
        credential="",
        address=rights.address_of(request),
        installer=installer(request.headers.get("User-Agent", "").encode()),
    )
    downloads.note({one: Tally(1, now)})


def _answer(request: HttpRequest, file: BinaryIO, blob: BlobRecord) -> HttpResponseBase:
    response: HttpResponseBase
    if request.method == "HEAD":
        file.close()
        response = HttpResponse()
    else:
        response = StreamingHttpResponse(_pieces(file))
    for header, value in inert.HEADERS.items():
        response[header] = value
    response["Content-Length"] = str(blob.size)
    response["ETag"] = f'"{blob.sha256}"'
    return response


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    """Read in threads: a storage may be far away, and the loop serves everybody."""
    try:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
    finally:
        file.close()


def _missing(
    request: HttpRequest,
    repository: RepositoryRecord,
    project: ProjectRecord,
    place: str,
    filename: str,
    *,
    row: FileRecord | None,
) -> HttpResponse:
    answer = None if project.kind == "private" else answering(repository, projects.upstream_pages(project.id))
    entries = answer.document.files if answer is not None else ()
    listed = any((entry.path, entry.filename) == (place, filename) for entry in entries)
    if row is None and not listed:
        raise Http404(f"There is no file {filename!r} here.")
    context = {"repository": repository, "project": project, "filename": filename, "listed": listed}
    return render(request, "web/packages/missing.html", context, status=404)


def _said(request: HttpRequest, status: int, title: str, sentence: str) -> HttpResponse:
    return render(request, "web/error.html", {"title": title, "sentence": sentence}, status=status)
