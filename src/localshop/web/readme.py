"""The README of a project: rendered once, in the back room; plain text until then, and when that fails."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from django.db import OperationalError

from localshop.catalog import queue, readmes
from localshop.catalog.records import RepositoryRecord
from localshop.protocol.about import About

_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class Readme:
    """``html`` is safe to be shown as it is; empty: ``text`` is shown, as text."""

    html: str
    text: str


def readme(
    repository: RepositoryRecord, place: tuple[str, str], *, digest: str, told: About, now: float
) -> Readme | None:
    """What a project says of itself at length; None: nothing. The first who asks has it rendered."""
    if not told.description.strip():
        return None
    html = readmes.rendered(digest)
    if html is None:
        payload = {"repository": repository.id, "path": place[0], "filename": place[1], "digest": digest}
        # Where nothing can be written now, it is shown as text all the same.
        with suppress(OperationalError):
            queue.enqueue(readmes.RENDER, f"{readmes.RENDER} {digest}", payload=payload, now=now, priority=1)
    return Readme(html or "", told.description[:_LONGEST])
