"""Upstreams that answer 403 where others answer 404: whether a project is missing there, or kept from us.

Buckets do so (S3, for whoever may not list them), and with them the indexes that are kept in one. To
take each 403 for "missing" would be dependency confusion: an index that does not serve us any more,
because our credentials have changed or because something stands in between, would hand all of its
names to the next upstream.
"""

from __future__ import annotations

from localshop.errors import UpstreamDenied, UpstreamError
from localshop.protocol.project_lists import read_names
from localshop.shop import Shop
from localshop.upstream.source import Source

_MISSING = frozenset({400, 403})
_GOOD_FOR = 60.0
_AGAIN_AFTER = 10.0
"""Seconds after which a list is asked for again that could not be had."""


async def is_unlisted(shop: Shop, source: Source, name: str, denied: UpstreamDenied) -> bool:
    """Whether a page was denied because there is none, as the upstream's own list of projects proves.

    The list has to be served to us now, and must not have the name. Where we show credentials it
    proves nothing, since an index may list only what they open.
    """
    if denied.status not in _MISSING or source.username or source.password:
        return False
    names = await shop.flights.once(f"list {source.id}", lambda: _names(shop, source))
    return bool(names) and name not in names


async def _names(shop: Shop, source: Source) -> frozenset[str]:
    """The normalised names of all projects; empty: it does not tell."""
    until, names = shop.lists.get(source.id, (0.0, frozenset()))
    if shop.steady() < until:
        return names
    try:
        answer = await shop.upstream.names(source)
        names = await shop.run(read_names, answer.body, content_type=answer.content_type, url=answer.url)
    except UpstreamError:
        names = frozenset()
    shop.lists[source.id] = (shop.steady() + (_GOOD_FOR if names else _AGAIN_AFTER), names)
    return names
