"""Attestations: what is to prove where a file was made (PEP 740), and what was found of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from . import queue
from .models import Attestations, File, Project

VERIFY = "verify-attestations"
"""The name of the job that verifies those of one file."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """A file and what is to prove where it was made; ``body`` None: its upstream has not been asked yet.

    ``url`` is where the upstream has it, empty for an upload.
    """

    filename: str
    sha256: str
    body: object
    url: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of where a file was made; ``state`` is one of ``Attestations.State``."""

    state: str
    publisher: str
    why: str


def keep(file_id: int, body: object) -> None:
    """Keep what was sent with a file, and have it verified."""
    with transaction.atomic():
        Attestations.objects.update_or_create(
            file_id=file_id,
            defaults={
                "body": body,
                "state": Attestations.State.WAITING,
                "provenance": None,
                "publisher": "",
                "why": "",
            },
        )
        ask(file_id)


def ask(file_id: int) -> None:
    """Have the attestations of a file verified behind the request."""
    # Whatever the clock says: this is due at once.
    queue.enqueue(VERIFY, f"{VERIFY} {file_id}", payload={"file": file_id}, now=0.0)


def ask_waiting() -> None:
    """Have all those verified that came before this installation could."""
    waiting = Attestations.objects.filter(state=Attestations.State.WAITING)
    for file_id in waiting.values_list("file_id", flat=True).iterator():
        ask(file_id)


def unverified(file_id: int) -> Unverified | None:
    """What there is to verify of a file; None: nothing any more."""
    file = File.objects.filter(id=file_id).select_related("attestations").first()
    if file is None or not file.sha256:
        return None
    row = getattr(file, "attestations", None)
    if row is not None and row.state != Attestations.State.WAITING:
        return None
    return Unverified(
        filename=file.filename,
        sha256=file.sha256,
        body=row.body if row is not None else None,
        url=file.entry.get("provenance") or "",
    )


def verified(file_id: int, *, body: object, provenance: dict[str, object], publisher: str) -> None:
    """It was found true: the provenance is served from now on.

    The page of a private project is made again, since its owner looks for it. That of a mirrored
    project shows it when it is made for another reason: else every client would fetch it anew.
    """
    with transaction.atomic():
        _settle(
            file_id,
            body=body,
            state=Attestations.State.VERIFIED,
            provenance=provenance,
            publisher=publisher[:300],
            why="",
        )
        Project.objects.filter(files=file_id, kind=Project.Kind.PRIVATE).update(serial=F("serial") + 1)


def invalid(file_id: int, *, body: object, why: str) -> None:
    """It proves nothing; ``why`` is told to people."""
    with transaction.atomic():
        _settle(file_id, body=body, state=Attestations.State.INVALID, provenance=None, publisher="", why=why)


def provenance(file_id: int) -> dict[str, object] | None:
    """The provenance object of a file, if it was verified."""
    rows = Attestations.objects.filter(file_id=file_id, state=Attestations.State.VERIFIED)
    found: dict[str, object] | None = rows.values_list("provenance", flat=True).first()
    return found


def places(project_id: int) -> frozenset[tuple[str, str]]:
    """Path and file name of each file of a project whose provenance was verified."""
    rows = Attestations.objects.filter(file__project_id=project_id, state=Attestations.State.VERIFIED)
    return frozenset(rows.values_list("file__path", "file__filename"))


def origins(project_id: int) -> dict[tuple[str, str], Origin]:
    """What is known of where each file of a project was made, by path and file name."""
    rows = Attestations.objects.filter(file__project_id=project_id)
    columns = ("file__path", "file__filename", "state", "publisher", "why")
    return {(path, name): Origin(*told) for path, name, *told in rows.values_list(*columns)}


def _settle(file_id: int, **values: object) -> None:
    if File.objects.filter(id=file_id).exists():
        Attestations.objects.update_or_create(file_id=file_id, defaults=values)
