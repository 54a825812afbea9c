"""Publishing: a form comes in, its file is judged, stored, registered, and is visible with the answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from localshop.catalog import projects, publishing
from localshop.catalog.journal import Actor
from localshop.catalog.publishing import Arrival, Taken
from localshop.catalog.records import RepositoryRecord
from localshop.errors import UploadRefused
from localshop.observe.log import event, get_logger
from localshop.protocol.document import Entry
from localshop.shop import Shop

from .examine import Claim, Examined, Measured, examine
from .form import Form, Receive, take_in
from .twins import twin_of

log = get_logger(__name__)

_FILE_UPLOAD = "file_upload"
_POLITE = {
    "verify": "There is nothing to verify: the file itself is checked when it is uploaded.",
    "submit": "There is nothing to register: a project is there with its first upload.",
    "submit_pkg_info": "There is nothing to register: a project is there with its first upload.",
}
_NEEDED = ("name", "version")
_LARGEST_ATTESTATIONS = 256 << 10
"""Characters; one takes about ten thousand."""
_MOST_ATTESTATIONS = 10
_SPECIFICATIONS = "https://packaging.python.org/en/latest/specifications"
_SDISTS = f"{_SPECIFICATIONS}/source-distribution-format/#source-distribution-file-name"
_WHEELS = f"{_SPECIFICATIONS}/binary-distribution-format/#file-name-convention"


@dataclass(frozen=True, slots=True)
class Uploader:
    """Who uploads: for the journal, and whether his own projects are the only ones that he may publish to.

    ``mark`` is ``user <id>`` or ``credential <id>``; ``owner``: an owner of the repository, or an
    administrator, who may publish to every project.
    """

    actor: Actor
    mark: str
    owner: bool


@dataclass(frozen=True, slots=True)
class Published:
    """What is told to the uploader: a sentence, and what he should look at."""

    sentence: str
    remarks: tuple[str, ...] = ()


async def publish(
    shop: Shop,
    repository: RepositoryRecord,
    headers: Iterable[tuple[bytes, bytes]],
    receive: Receive,
    *,
    uploader: Uploader,
) -> Published:
    """Take in one upload. Whoever calls this has let the uploader in.

    Raises ``UploadRefused`` with the reason, and storage errors; then nothing has changed and
    nothing is left behind. The same bytes under the same name are no news, however often they come.
    """
    form = await take_in(headers, receive, scratch=shop.store.scratch, largest=shop.config.max_upload_size)
    try:
        action = form.one(":action")
        if action in _POLITE:
            return Published(_POLITE[action])
        _check_form(form, action)
        measured = Measured(form.size, form.md5, form.sha256, form.blake2b_256)
        examined = await shop.run(
            examine, form.part, _claim(form), measured, strict_record=repository.strict_record
        )
        found = await shop.run(_find, repository, form, examined, uploader)
        if found is Taken.FREE or (repository.overwrite and found in {Taken.OTHER, Taken.BURNT}):
            name = await shop.carry(shop.store.commit, form.part, sha256=form.sha256)
            found = await shop.run(_register, shop, repository, form, examined, uploader, name=name)
        return _told(found, examined)
    finally:
        form.discard()


def _check_form(form: Form, action: str) -> None:
    """What can be said without a look at the file; the texts are those of the old localshop."""
    if action != _FILE_UPLOAD:
        raise UnknownAction(action)
    if form.one("protocol_version") not in {"", "1"}:
        raise UploadRefused("unknown-protocol", "Unknown protocol version.")
    if not all(form.one(name) for name in _NEEDED):
        raise UploadRefused("missing-field", "No name or version given")
    if not form.has_file:
        raise UploadRefused("missing-field", "Upload payload does not have a file.")


class UnknownAction(UploadRefused):
    """The form asks for something that no index does any more."""

    def __init__(self, action: str) -> None:
        super().__init__("unknown-action", f"Unknown action: {action}")


def _claim(form: Form) -> Claim:
    return Claim(
        filename=form.filename,
        filetype=form.one("filetype"),
        name=form.one("name"),
        version=form.one("version"),
        metadata_version=form.one("metadata_version"),
        digests={
            name: value for name in ("md5", "sha256", "blake2_256") if (value := form.one(f"{name}_digest"))
        },
    )


def _find(repository: RepositoryRecord, form: Form, examined: Examined, uploader: Uploader) -> Taken:
    """Look whether the name of what was found good is free."""
    _check_project(repository, examined, uploader)
    found = publishing.taken(repository.id, examined.filename, form.sha256)
    if found is not Taken.SAME:
        _check_twins(repository, examined)
    return found


def _register(
    shop: Shop, repository: RepositoryRecord, form: Form, examined: Examined, uploader: Uploader, *, name: str
) -> Taken:
    """Register what is stored as ``name``, if that of the file is still free; ``FREE``: it was."""
    now = datetime.fromtimestamp(shop.now(), tz=UTC)
    arrival = Arrival(
        project=examined.project,
        title=examined.name,
        summary=examined.summary,
        entry=_entry(form, examined, now),
        name=name,
        metadata=examined.metadata,
        publisher=uploader.mark,
        attestations=_attestations(form),
    )
    found = publishing.register(
        repository.id,
        arrival,
        overwrite=repository.overwrite,
        actor=uploader.actor,
        at=now,
        is_stored=lambda name: shop.store.size(name) == form.size,
    )
    if found is Taken.FREE:
        event(
            log,
            logging.INFO,
            "uploaded",
            f"{examined.filename} is here.",
            project=examined.project,
            repository=repository.slug,
            by=uploader.actor.who,
            bytes=form.size,
        )
    return found


def _told(found: Taken, examined: Examined) -> Published:
    """What is told to the uploader of it, unless it is refused."""
    _refuse(found, examined)
    remarks = tuple(remark.sentence for remark in examined.remarks)
    if found is Taken.FREE:
        return Published(f"{examined.filename} is published.", remarks)
    return Published(f"{examined.filename} was here already, the very same.", remarks)


def _check_twins(repository: RepositoryRecord, examined: Examined) -> None:
    there = publishing.filenames_of(repository.id, examined.project)
    twin = twin_of(examined.filename, there)
    if twin is not None:
        sentence = f"File already exists: {examined.filename} is the same file as {twin}, spelled otherwise."
        raise UploadRefused("file-twin", sentence, link=_SDISTS if examined.kind == "sdist" else _WHEELS)


def _check_project(repository: RepositoryRecord, examined: Examined, uploader: Uploader) -> None:
    project = projects.project(repository.id, examined.project)
    if project is None:
        return
    if project.kind == "mirrored":
        _refuse(Taken.MIRRORED, examined)
    others = bool(project.publisher) and project.publisher != uploader.mark
    if repository.owners_only and others and not uploader.owner:
        sentence = f"{examined.project} is another's: only who published it first, and owners, publish to it."
        raise UploadRefused("not-your-project", sentence)
    if project.kind == "private" and project.status in {"archived", "quarantined"}:
        raise UploadRefused(
            f"project-{project.status}",
            f"{examined.project} is {project.status}, so nothing is uploaded to it.",
            link="https://packaging.python.org/en/latest/specifications/project-status-markers/",
        )


def _refuse(found: Taken, examined: Examined) -> None:
    name = examined.filename
    if found is Taken.MIRRORED:
        sentence = f"{examined.project} is mirrored from an upstream; it takes no uploads."
        raise UploadRefused("mirrored-project", sentence)
    if found is Taken.OTHER:
        sentence = f"File already exists: {name} is here with other bytes. Give it a new version."
        raise UploadRefused("file-exists", sentence)
    if found is Taken.BURNT:
        sentence = (
            f"File already exists: {name} was here with other bytes and was deleted. Use a new version."
        )
        raise UploadRefused("filename-used", sentence)


def _attestations(form: Form) -> list[object]:
    """What was sent of them. One that cannot be read proves nothing, but is no reason to refuse a file."""
    text = form.one("attestations")
    try:
        sent = json.loads(text) if 0 < len(text) <= _LARGEST_ATTESTATIONS else []
    except (ValueError, RecursionError):
        return []
    return sent if isinstance(sent, list) and len(sent) <= _MOST_ATTESTATIONS else []


def _entry(form: Form, examined: Examined, now: datetime) -> Entry:
    digest = form.blake2b_256
    is_wheel = examined.kind == "wheel"
    return Entry(
        filename=examined.filename,
        url="",
        path=f"{digest[:2]}/{digest[2:4]}/{digest[4:]}",
        sha256=form.sha256,
        size=form.size,
        requires_python=examined.requires_python,
        upload_time=now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        core_metadata=publishing.digest_of(examined.metadata) if is_wheel else False,
    )
