"""Takes in OSV's zip of advisories: reads it record by record, and writes down what has become another."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from typing import BinaryIO

from localshop.catalog import advisories
from localshop.catalog.advisories import News, news_of
from localshop.catalog.journal import Actor
from localshop.errors import BadInput, UpstreamNonsense
from localshop.protocol.osv import Unreadable, read
from localshop.protocol.osvzip import LARGEST_ZIP, BadZip, records
from localshop.shop import Shop

_LEAST_KEPT = 0.5
"""Which part of the advisories that are known a new zip has at least; else it is probably another file."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a zip: advisories in all, ``changed`` or new, ``gone`` from it, and ``dropped``.

    The last could not be read. ``projects`` is how many projects the changes are about.
    """

    advisories: int = 0
    changed: int = 0
    gone: int = 0
    dropped: int = 0
    projects: int = 0


async def refresh_advisories(
    shop: Shop, url: str, *, actor: Actor, all_of_it: bool = False
) -> Imported | None:
    """Fetch the zip and take it in; None: it is as it was. Raises ``UpstreamError``.

    ``all_of_it``: also if it has far fewer advisories than are known.
    """
    etag = "" if all_of_it else await shop.run(advisories.known_etag, url)
    # On the disk beside parts of other files: in memory it would be one of the largest things there.
    with tempfile.TemporaryFile(dir=shop.store.scratch) as file:
        newest, size = "", 0
        async for known, piece in shop.upstream.changed(url, etag=etag):
            newest = known
            size += len(piece)
            if size > LARGEST_ZIP:
                raise UpstreamNonsense(f"The advisories have more than {LARGEST_ZIP:,} bytes.")
            await shop.run(file.write, piece)
        if not size:
            return None
        try:
            found = await shop.run(take_in, file, actor=actor, now=shop.now(), all_of_it=all_of_it)
        except BadInput as error:
            raise UpstreamNonsense(error.sentence) from error
        await shop.run(advisories.imported_from, url, etag=newest[:200], now=shop.now())
        return found


def take_in(file: BinaryIO, *, actor: Actor, now: float, all_of_it: bool = False) -> Imported:
    """Make the advisories in a zip those that are known here; blocking work. Raises ``BadInput``.

    Records that cannot be read are left out, and what is known under their names stays. Nothing is written
    before all of it was read, and then in one transaction.
    """
    known = advisories.digests()
    seen: set[str] = set()
    unchanged = {digest: name for name, digest in known.items()}
    news: dict[str, News] = {}
    dropped = 0
    try:
        for body in records(file):
            one = _one(body, unchanged, seen)
            if one is None:
                dropped += 1
            elif isinstance(one, News):
                seen.add(one.name)
                news[one.name] = one
    except BadZip as error:
        raise BadInput(f"That is no zip of advisories: {error}") from error
    _check(known=len(known), found=len(seen), all_of_it=all_of_it)
    # A name whose record was damaged is not told from one that is gone, so then nothing goes.
    gone = known.keys() - seen if not dropped else set()
    changed = [one for name, one in news.items() if known.get(name) != one.digest]
    concerned = advisories.replace(changed, gone=gone, actor=actor, now=now)
    return Imported(len(seen), len(changed), len(gone), dropped, len(concerned))


def _one(body: bytes | None, unchanged: dict[str, str], seen: set[str]) -> News | bool | None:
    """What is new in a record; False: nothing for us, None: it cannot be read."""
    if body is None:
        return None
    digest = hashlib.sha256(body).hexdigest()
    if digest in unchanged:
        # Nearly all of them, and to read them takes longer than all the rest.
        seen.add(unchanged[digest])
        return False
    try:
        told = read(body)
    except Unreadable:
        return None
    if not told.affected and not told.withdrawn:
        return False
    return news_of(told, body, digest=digest)


def _check(*, known: int, found: int, all_of_it: bool) -> None:
    if not found:
        raise BadInput("There is no advisory about PyPI in that file.")
    if found < known * _LEAST_KEPT and not all_of_it:
        raise BadInput(
            f"That file has {found} advisories, and {known} are known here: is it the right one? "
            "`localshop advisories import --replace` takes it all the same."
        )
