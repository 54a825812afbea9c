"""Taking bytes out of the storage after what had them was deleted."""

from __future__ import annotations

from collections.abc import Iterable

from .opening import open_store


def remove_bytes(names: Iterable[str]) -> None:
    """Take bytes out of the storage that no row names any more; raises ``StorageError``."""
    store = open_store()
    for name in names:
        store.delete(name)
