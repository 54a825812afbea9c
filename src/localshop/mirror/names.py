"""Which names are ours alone and are never told to an upstream."""

from __future__ import annotations

from localshop.catalog.records import RepositoryRecord
from localshop.protocol.names import matches


def is_ours(repository: RepositoryRecord, name: str, *, kind: str) -> bool:
    """Whether a normalised name is private: by its first upload, or because it is reserved.

    Such a name never leaves the house, and no file of an upstream ever appears under it: this is
    what stops dependency confusion.
    """
    return kind == "private" or is_reserved(repository, name)


def is_reserved(repository: RepositoryRecord, name: str) -> bool:
    """Whether a pattern of the repository keeps this name for private projects."""
    return any(matches(pattern, name) for pattern in repository.reserved)
