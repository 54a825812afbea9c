"""Opens the store that the settings name, once in each process."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, Storage, storages

from localshop import config, errors
from localshop.storage.disk import SCRATCH
from localshop.storage.stores import Store

_LITTLE = 1 << 20


def open_store() -> Store:
    """Open the store for package files, once in each process; raises what ``configured_storage`` raises."""
    settings = config.current()
    storage = configured_storage()
    redirects = settings.file_delivery == "redirect"
    if isinstance(storage, FileSystemStorage):
        return _opened(storage, Path(storage.location, SCRATCH), redirects, os.getpid())
    return _opened(storage, settings.home / "parts", redirects, os.getpid())


def configured_storage() -> Storage:
    """Give Django's storage ``distributions``, without touching what is behind it.

    Raises ``BadSetting`` when there is no such class, or when it cannot be made with its options.
    """
    try:
        storage = storages["distributions"]
        if getattr(storage, "bucket_name", "unknown") in (None, ""):
            raise ImproperlyConfigured("It is told no bucket_name")
    except (ImportError, ImproperlyConfigured, TypeError) as error:
        path = config.current().distribution_storage
        told = " ".join(str(error).split()).rstrip(".")
        # Each of these classes has its libraries in an extra of the package.
        advice = " Is localshop[s3] installed?" if path.startswith("storages.") else ""
        raise errors.BadSetting(
            f"LOCALSHOP_DISTRIBUTION_STORAGE is {path!r}, which cannot be used: {told}.{advice}"
        ) from error
    return storage


# By process: connections to a storage elsewhere must not be carried over a fork.
@functools.lru_cache(maxsize=1)
def _opened(storage: Storage, scratch: Path, redirects: bool, _process: int) -> Store:
    # Libraries for other storages keep a file that is read in memory, up to so many bytes, and the rest
    # on disk; with 0 they would keep all of any file in memory.
    if getattr(storage, "max_memory_size", None) == 0:
        storage.max_memory_size = _LITTLE  # type: ignore[attr-defined]
    return Store(storage, scratch=scratch, redirects=redirects)
