"""A project's row as it is now, read with as little as that takes."""

from __future__ import annotations

from dataclasses import replace

from localshop.catalog import projects
from localshop.catalog.reads import Token
from localshop.catalog.records import ProjectRecord, RepositoryRecord
from localshop.shop import Shop


async def known_project(
    shop: Shop, repository: RepositoryRecord, name: str, *, token: Token | None = None
) -> ProjectRecord | None:
    """The project of this normalised name; ``token``: what was just read of it.

    What a page could show of a project stays the same as long as its serial does; the rest is in the
    token, which costs a hundredth of what the row does.
    """
    token = token or await shop.reads.token(repository.id, name)
    if not token.id:
        return None
    known = shop.records.get(token.id, state=token.serial)
    if known is None:
        known = await shop.look(projects.project, repository.id, name)
        if known is None or known.serial != token.serial:
            # It has changed in between, so it is newer than the token.
            return known
        shop.records.put(token.id, known, state=token.serial)
    return replace(known, kind=token.kind, fresh_until=token.fresh_until, arrivals=token.arrivals)
