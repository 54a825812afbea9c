"""The shelf: takes a page from memory or the database, or has it made."""

from __future__ import annotations

import gzip
import hashlib
import logging
import zlib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from django.db import OperationalError

from localshop.catalog import attestations, files, projects
from localshop.catalog.reads import Token
from localshop.catalog.records import FileRecord, ProjectRecord, RepositoryRecord, UpstreamPageRecord
from localshop.observe.log import event, get_logger
from localshop.protocol.document import Document, entry_from_json, unpack
from localshop.protocol.pages import Page
from localshop.protocol.writers import page_html, page_json
from localshop.shop import Shop

from .assemble import Own, Parts, assemble

log = get_logger(__name__)

JSON = "json"
HTML = "html"
_WRITERS = {JSON: page_json, HTML: page_html}
_RECIPE = "1"
"""Goes up when the same parts give another page than before; pages of other recipes are made again."""
_LEVEL = 6


@dataclass(slots=True)
class Rendered:
    """A page as bytes; ``answers`` is for the door, which keeps whole answers made from it there."""

    serial: int
    recipe: str
    good_until: float | None
    digest: str
    packed: bytes
    answers: dict[Any, Any] = field(default_factory=dict)

    def plain(self) -> bytes:
        """The page without compression."""
        return zlib.decompress(self.packed, wbits=31)


async def take(shop: Shop, token: Token, form: str) -> Rendered | None:
    """The page of the project that the token stands for, if one lies ready that is still good."""
    key = (token.id, form)
    page: Rendered | None = shop.pages.get(key)
    if page is not None and _good(shop, page, token):
        return page
    row = await shop.reads.page(token.id, form)
    if row is None:
        return None
    page = Rendered(row.serial, row.recipe, row.good_until, row.digest, row.body)
    if not _good(shop, page, token):
        return None
    _keep(shop, token.id, form, page)
    return page


async def make(shop: Shop, repository: RepositoryRecord, project: ProjectRecord, form: str) -> Rendered:
    """Build the project's page in this form, put it on the shelf, and take it.

    Nearly all clients ask for JSON, so HTML is not made before somebody wants it.
    """
    page = await shop.run(_make, shop, repository, project, form)
    _keep(shop, project.id, form, page)
    return page


def empty(name: str, form: str) -> Rendered:
    """The page of a name that is kept for private files and has none."""
    return _rendered(Page(name=name, files=(), versions=()), form, serial=0, recipe=_RECIPE)


def pack(plain: bytes, *, serial: int = 0, recipe: str = "", good_until: float | None = None) -> Rendered:
    """Make bytes ready to be sent like a page."""
    return Rendered(
        serial=serial,
        recipe=recipe,
        good_until=good_until,
        digest=hashlib.sha256(plain).hexdigest(),
        packed=gzip.compress(plain, _LEVEL, mtime=0),
    )


def recipe(shop: Shop, arrivals: int) -> str:
    """How a page is made now. Made offline it also depends on which files are stored here."""
    how = _recipe_for(shop.config.public_url)
    return f"{how}-offline-{arrivals}" if shop.config.offline else how


@lru_cache(maxsize=8)
def _recipe_for(public_url: str) -> str:
    """Where provenance is announced, its URLs begin with ours."""
    origin = _origin(public_url)
    return f"{_RECIPE}-{zlib.crc32(origin.encode()):x}" if origin else _RECIPE


def _origin(public_url: str) -> str:
    return public_url if public_url.startswith("https://") else ""


def answering(
    repository: RepositoryRecord, known: dict[int, UpstreamPageRecord]
) -> tuple[int, Document] | None:
    """The first upstream, in order, that has the project, and what it says. It answers alone.

    Files of several upstreams are never mixed: whoever can publish a name on a later one would
    otherwise add his files to a project of an earlier one (dependency confusion).
    """
    for source in repository.upstreams:
        page = known.get(source.id)
        document = known_document(page) if page is not None else None
        if document is not None:
            return source.id, document
    return None


def known_document(page: UpstreamPageRecord) -> Document | None:
    """What an upstream last said; None: it has not the project, or another version of us wrote it."""
    try:
        return unpack(page.document) if page.document else None
    except ValueError:
        return None


def weight(page: Rendered) -> int:
    """About how many bytes a page takes in memory, with the answers that are made from it."""
    return 4 * len(page.packed) + 1000


def base_of(shop: Shop, repository: RepositoryRecord) -> str:
    """The path of the repository's URL: file URLs are path-absolute, so any host name serves."""
    return f"{shop.config.mount_path}/repo/{repository.slug}/"


def _good(shop: Shop, page: Rendered, token: Token) -> bool:
    return (
        page.serial == token.serial
        and page.recipe == recipe(shop, token.arrivals)
        and (page.good_until is None or shop.now() < page.good_until)
    )


def _keep(shop: Shop, project_id: int, form: str, page: Rendered) -> None:
    shop.pages.put((project_id, form), page, weight=weight(page))


def _make(shop: Shop, repository: RepositoryRecord, project: ProjectRecord, form: str) -> Rendered:
    page = assemble(_parts(shop, repository, project))
    how = recipe(shop, project.arrivals)
    rendered = _rendered(page, form, serial=project.serial, recipe=how)
    try:
        _save(project.id, form, rendered)
    except OperationalError as error:
        # No room, or somebody has the database to himself: the page can be shown all the same.
        sentence = f"The page of {project.name} was not kept: {error}"
        event(log, logging.WARNING, "not-written-down", sentence, project=project.name)
    return rendered


def _save(project_id: int, form: str, page: Rendered) -> None:
    projects.save_page(
        project_id,
        form,
        serial=page.serial,
        recipe=page.recipe,
        good_until=page.good_until,
        digest=page.digest,
        body=page.packed,
    )


def _rendered(page: Page, form: str, *, serial: int, recipe: str) -> Rendered:
    return pack(_WRITERS[form](page), serial=serial, recipe=recipe)


def _own(file: FileRecord) -> Own:
    entry = entry_from_json(file.entry)
    if file.blob is None:
        return Own(entry, stored=False)
    return Own(replace(entry, sha256=file.blob.sha256, size=file.blob.size), stored=True)


def _parts(shop: Shop, repository: RepositoryRecord, project: ProjectRecord) -> Parts:
    answer = None
    if project.kind != "private":
        answer = answering(repository, projects.upstream_pages(project.id))
    upstream_id, document = answer or (None, None)
    return Parts(
        name=project.name,
        base=base_of(shop, repository),
        own=[
            _own(file)
            for file in files.files_of(project.id)
            # What came from another upstream than the one that answers now is not mixed in.
            if document is None or file.upstream_id in {None, upstream_id}
        ],
        document=document,
        metadata=files.metadata_digests(project.id),
        status=project.status,
        status_reason=project.status_reason,
        offline=shop.config.offline,
        provenance=attestations.places(project.id),
        origin=_origin(shop.config.public_url),
    )
