"""Jobs as people read about them: what they are for, how far they are, when they are tried again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from localshop.catalog.attestations import VERIFY
from localshop.catalog.inspections import INSPECT
from localshop.catalog.models import File, Job, Repository
from localshop.catalog.queue import DELAYS
from localshop.catalog.readmes import RENDER
from localshop.mirror.errands import REFRESH_PAGE
from localshop.mirror.fetch import part_of
from localshop.mirror.file import MIRROR_FILE
from localshop.storage.opening import open_store

_OF_A_FILE = frozenset({MIRROR_FILE, VERIFY})
_TRIES = len(DELAYS) + 1
_OTHERS = {
    "tidy": "Remove what is left over",
    "sweep": "Make room, if mirrored files take too much",
    "import-advisories": "Look for other advisories, if it is set where they are",
    "alarm-webhook": "Tell the webhook of alarms",
    "alarm-mail": "Write to administrators of alarms",
}


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as its list shows it.

    ``repository`` and ``project`` are empty when it is of none. ``come`` and ``size`` are bytes of a file
    that is being fetched; None: it is not, or it is fetched on another machine. ``due`` is when it is
    tried next, if that is not now.
    """

    id: int
    what: str
    repository: str
    project: str
    state: str
    attempt: int
    tries: int
    error: str
    since: datetime
    due: datetime | None
    come: int | None = None
    size: int | None = None

    @property
    def overdue(self) -> bool:
        """Whether it waits for nothing but somebody to do it."""
        return self.state == "waiting" and self.due is None


def job_lines(rows: Sequence[Job], *, now: float) -> list[JobLine]:
    """These jobs, in as many queries as for one."""
    wanted = [row.payload.get("file") for row in rows if row.name in _OF_A_FILE]
    files = File.objects.select_related("project", "repository").in_bulk(
        [one for one in wanted if isinstance(one, int)]
    )
    slugs = dict(Repository.objects.values_list("id", "slug"))
    scratch = open_store().scratch
    return [_line(row, files, slugs, scratch=scratch, now=now) for row in rows]


def _line(
    row: Job, files: Mapping[int, File], slugs: Mapping[int, str], *, scratch: Path, now: float
) -> JobLine:
    what, repository, project = _meaning(row, files, slugs)
    come, size = _progress(row, files, scratch)
    waits = row.state == Job.State.WAITING and row.run_after > now
    return JobLine(
        row.id,
        what=what,
        repository=repository,
        project=project,
        state=row.state,
        attempt=row.attempts,
        tries=_TRIES,
        error=row.error,
        since=row.changed,
        due=datetime.fromtimestamp(row.run_after, tz=UTC) if waits else None,
        come=come,
        size=size,
    )


def _meaning(row: Job, files: Mapping[int, File], slugs: Mapping[int, str]) -> tuple[str, str, str]:
    """What it is for, with the repository and the project."""
    slug = slugs.get(_number(row.payload.get("repository")), "")
    if row.name in _OF_A_FILE:
        file = files.get(_number(row.payload.get("file")))
        if file is None:
            return "Look after a file that is gone", "", ""
        verb = "Fetch" if row.name == MIRROR_FILE else "Verify the attestations of"
        return f"{verb} {file.filename}", file.repository.slug, file.project.name
    if row.name == REFRESH_PAGE:
        project = str(row.payload.get("project", ""))
        return f"Ask the upstreams for {project}", slug, project
    if row.name == RENDER:
        return f"Render the description in {row.payload.get('filename', 'a file')}", slug, ""
    if row.name == INSPECT:
        named = row.payload.get("file")
        filename = named.get("filename", "") if isinstance(named, dict) else ""
        return f"Look inside {filename or 'a file'}", slug, ""
    return _OTHERS.get(row.name, row.key.replace("-", " ")), slug, ""


def _progress(row: Job, files: Mapping[int, File], scratch: Path) -> tuple[int | None, int | None]:
    """How many bytes of a file have come, of how many."""
    file = files.get(_number(row.payload.get("file"))) if row.name == MIRROR_FILE else None
    if file is None or row.state == Job.State.FAILED or file.upstream_id is None:
        return None, None
    try:
        part = part_of(scratch, file.upstream_id, path=file.path, filename=file.filename)
        return part.stat().st_size, file.size
    except OSError:
        return None, file.size


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
