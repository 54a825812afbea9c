"""A stored file that is to be sent, and that it is still the one that was stored."""

from __future__ import annotations

import errno
import os
from typing import NamedTuple

from localshop import errors
from localshop.storage.stores import Store


class Artifact(NamedTuple):
    """A stored file that is to be sent.

    ``name`` is the store's; ``size`` (bytes) and ``sha256`` (lower-case hex) are what the catalog
    knows of it; ``headers`` are sent along in 200, 206 and 304, names in lower case.
    """

    store: Store
    name: str
    size: int
    sha256: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


def check_size(artifact: Artifact, size: int | None) -> None:
    """Never send a file that has been cut or added to: it is not the one that was stored."""
    if size is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), artifact.name)
    if size != artifact.size:
        raise errors.StorageDamaged(
            f"The stored file {artifact.name} has {size} bytes where {artifact.size} were stored."
        )
