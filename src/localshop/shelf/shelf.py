"""The shelf: takes a page from memory or the database, or has it made."""

from __future__ import annotations

import gzip
import hashlib
import logging
import zlib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from django.db import Error as DatabaseError

from localshop.catalog import attestations, files, projects
from localshop.catalog.reads import Token
from localshop.catalog.records import ProjectRecord, RepositoryRecord
from localshop.observe.log import event, get_logger
from localshop.policies.judge import Judge
from localshop.protocol.pages import Page
from localshop.protocol.writers import page_html, page_json
from localshop.shop import Shop

from .assemble import Parts, assemble
from .hearing import known_idle_judge, remember_idle
from .parts import Answer, known_answer, parts_of

log = get_logger(__name__)

JSON = "json"
HTML = "html"
_WRITERS = {JSON: page_json, HTML: page_html}
_RECIPE = "1"
"""Goes up when the same parts give another page than before; pages of other recipes are made again."""
_LEVEL = 3
"""Of gzip. Most of a page is digests: the usual 6 takes twice as long to make it a twelfth smaller."""
_FEW = 300
"""Files of a page that is made in a few milliseconds."""


@dataclass(slots=True)
class Rendered:
    """A page as bytes; ``answers`` is for the door, which keeps whole answers made from it there.

    It is good from one time until another, in seconds since the epoch; the last is None: it stays good.
    """

    serial: int
    recipe: str
    good_from: float
    good_until: float | None
    digest: str
    packed: bytes
    answers: dict[Any, Any] = field(default_factory=dict)

    def plain(self) -> bytes:
        """The page without compression."""
        return zlib.decompress(self.packed, wbits=31)


async def take(shop: Shop, token: Token, form: str, *, mark: str) -> Rendered | None:
    """The page of the project that the token stands for, if one lies ready that is still good.

    ``mark`` is that of the repository.
    """
    key = (token.id, form)
    page: Rendered | None = shop.pages.get(key)
    if page is not None and _good(shop, page, token, mark):
        return page
    row = await shop.reads.page(token.id, form)
    if row is None:
        return None
    page = Rendered(*row)
    if not _good(shop, page, token, mark):
        return None
    _keep(shop, token.id, form, page)
    return page


def make_at_once(shop: Shop, repository: RepositoryRecord, token: Token, form: str) -> Rendered | None:
    """The project's page, where all that it is made of was just read; None: make it in the usual way.

    So it is after the first look for a project, of which nothing is here yet; most pages of a first
    installation are made here. A small one takes less time than a thread would take from the loop.
    """
    project = shop.records.get(token.id, state=token.serial)
    if project is None or token.kind or token.arrivals:
        return None
    answer = known_answer(shop, repository, project)
    judge = known_idle_judge(shop, repository, project)
    if answer is None or judge is None or len(answer.document.files) > _FEW:
        return None
    parts = Parts(project.name, own=(), document=answer.document, judge=judge, since=answer.since)
    page = _render(shop, repository, project, form=form, parts=_placed(shop, repository, parts))
    _keep_both(shop, project, form, page)
    return page


async def make(shop: Shop, repository: RepositoryRecord, project: ProjectRecord, form: str) -> Rendered:
    """Build the project's page in this form, put it on the shelf, and take it.

    Nearly all clients ask for JSON, so HTML is not made before somebody wants it.
    """
    answer = known_answer(shop, repository, project)
    page, judge = await shop.run(_make, shop, repository, project, form=form, answer=answer)
    remember_idle(shop, repository, project, judge)
    _keep_both(shop, project, form, page)
    return page


def empty(name: str, form: str) -> Rendered:
    """The page of a name that is kept for private files and has none."""
    return pack(_WRITERS[form](Page(name=name, files=(), versions=())))


def pack(
    plain: bytes,
    *,
    serial: int = 0,
    recipe: str = "",
    good_from: float = 0.0,
    good_until: float | None = None,
) -> Rendered:
    """Make bytes ready to be sent like a page."""
    return Rendered(
        serial=serial,
        recipe=recipe,
        good_from=good_from,
        good_until=good_until,
        digest=hashlib.sha256(plain).hexdigest(),
        packed=gzip.compress(plain, _LEVEL, mtime=0),
    )


def recipe(shop: Shop, arrivals: int, mark: str) -> str:
    """How a page is made now, for this mark. Made offline it also depends on what is stored here."""
    how = _recipe_for(shop.config.public_url)
    return f"{how}-offline-{arrivals}-{mark}" if shop.config.offline else f"{how}-{mark}"


@lru_cache(maxsize=8)
def _recipe_for(public_url: str) -> str:
    """Where provenance is announced, its URLs begin with ours."""
    origin = _origin(public_url)
    return f"{_RECIPE}-{zlib.crc32(origin.encode()):x}" if origin else _RECIPE


def _origin(public_url: str) -> str:
    return public_url if public_url.startswith("https://") else ""


def weight(page: Rendered) -> int:
    """About how many bytes a page takes in memory, with the answers that are made from it."""
    return 4 * len(page.packed) + 1000


def base_of(shop: Shop, repository: RepositoryRecord) -> str:
    """The path of the repository's URL: file URLs are path-absolute, so any host name serves."""
    return f"{shop.config.mount_path}/repo/{repository.slug}/"


def _good(shop: Shop, page: Rendered, token: Token, mark: str) -> bool:
    return (
        page.serial == token.serial
        and page.recipe == recipe(shop, token.arrivals, mark)
        and (not page.good_from or page.good_from <= shop.now())
        and (page.good_until is None or shop.now() < page.good_until)
    )


def _keep(shop: Shop, project_id: int, form: str, page: Rendered) -> None:
    shop.pages.put((project_id, form), page, weight=weight(page))


def _keep_both(shop: Shop, project: ProjectRecord, form: str, page: Rendered) -> None:
    """Keep a page in memory, and, soon, on the shelf: without it there it is made again some time."""
    _keep(shop, project.id, form, page)
    shop.behind(_save(shop, project, form, page), what=f"Keeping the page of {project.name}")


def _make(
    shop: Shop, repository: RepositoryRecord, project: ProjectRecord, *, form: str, answer: Answer | None
) -> tuple[Rendered, Judge]:
    parts = _parts(shop, repository, project, answer)
    return _render(shop, repository, project, form=form, parts=parts), parts.judge


def _render(
    shop: Shop, repository: RepositoryRecord, project: ProjectRecord, *, form: str, parts: Parts
) -> Rendered:
    made = assemble(parts, shop.now())
    how = recipe(shop, project.arrivals, repository.page_mark)
    plain = _WRITERS[form](made.page)
    return pack(
        plain, serial=project.serial, recipe=how, good_from=made.good_from, good_until=made.good_until
    )


async def _save(shop: Shop, project: ProjectRecord, form: str, page: Rendered) -> None:
    try:
        await shop.write_soon(
            projects.save_page,
            project.id,
            form,
            serial=page.serial,
            recipe=page.recipe,
            good_from=page.good_from,
            good_until=page.good_until,
            digest=page.digest,
            body=page.packed,
        )
    except DatabaseError as error:
        # No room, somebody has the database to himself, or the project has just gone.
        sentence = f"The page of {project.name} was not kept: {error}"
        event(log, logging.WARNING, "not-written-down", sentence, project=project.name)


def _parts(shop: Shop, repository: RepositoryRecord, project: ProjectRecord, answer: Answer | None) -> Parts:
    # Each thing that arrives is counted: most projects are looked at once, before any has.
    untouched = not project.kind and not project.arrivals
    return replace(
        _placed(shop, repository, parts_of(repository, project, answer=answer)),
        metadata={} if untouched else files.metadata_digests(project.id),
        provenance=frozenset() if untouched else attestations.places(project.id),
    )


def _placed(shop: Shop, repository: RepositoryRecord, parts: Parts) -> Parts:
    return replace(
        parts,
        base=base_of(shop, repository),
        offline=shop.config.offline,
        origin=_origin(shop.config.public_url),
    )
