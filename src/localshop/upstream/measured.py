"""How long upstreams take to answer, and how often they fail, in numbers for those who watch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from localshop.errors import UpstreamError
from localshop.observe.counters import count, took

_MOST = 20
"""Origins that are told apart. Pages name file hosts as they like, and each one would be kept for ever."""
_OTHERS = "other"

_known: set[str] = set()


@contextmanager
def measured(origin: tuple[str, str, int | None]) -> Iterator[None]:
    """Take note of how long this takes, and of the error that ends it; ``origin`` is scheme, host, port."""
    name = _name_of(origin)
    began = time.monotonic()
    try:
        yield
    except UpstreamError as error:
        count("upstream_errors_total", origin=name, slug=error.slug)
        raise
    finally:
        took("upstream_seconds", time.monotonic() - began, origin=name)


def _name_of(origin: tuple[str, str, int | None]) -> str:
    scheme, host, port = origin
    name = f"{scheme}://{host}:{port}"
    if name not in _known:
        if len(_known) >= _MOST:
            return _OTHERS
        _known.add(name)
    return name
