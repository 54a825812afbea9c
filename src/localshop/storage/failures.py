"""What goes wrong with a storage, as errors of ours; and reading that is complete or fails."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from localshop import errors

_NO_ROOM = frozenset({"XMinioStorageFull", "InsufficientStorage", "QuotaExceeded"})
"""What stores that speak like S3 call a full disk."""


@contextmanager
def told(what: str, *, but: type[Exception] = errors.LocalshopError) -> Iterator[None]:
    """Turn whatever a storage raises, ``but`` for one, into our errors.

    The sentence may reach a client, so it has none of the paths that stand in an ``OSError``.
    """
    try:
        yield
    except (errors.LocalshopError, but):
        raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        kind = errors.StorageFull if full else errors.StorageError
        raise kind(f"{what}: {error.strerror or type(error).__name__}.") from error
    except Exception as error:
        # Storages on other machines raise the exceptions of their own libraries.
        code = answered_code(error)
        kind = errors.StorageFull if code in _NO_ROOM else errors.StorageError
        raise kind(f"{what}: {code or type(error).__name__}.") from error


def answered_code(error: Exception) -> str:
    """What a store that speaks like S3 has answered, such as ``NoSuchBucket``; empty: it is another error."""
    # The error of a whole transfer wraps that of the request which failed.
    for one in (error, error.__cause__, error.__context__):
        answer = getattr(one, "response", None)
        said = answer.get("Error") if isinstance(answer, dict) else None
        if isinstance(said, dict):
            return str(said.get("Code", ""))
    return ""


def read_exactly(file: BinaryIO, name: str, *, start: int, stop: int) -> bytes:
    """Read the bytes from ``start`` up to but without ``stop`` of a file that ``Store.open`` gave.

    ``errors.StorageError`` when they cannot be read, or the file is shorter. ``FileNotFoundError``, if a
    storage elsewhere notices only now that it is not there.
    """
    with told(f"The stored file {name} could not be read", but=FileNotFoundError):
        file.seek(start)
        data = file.read(stop - start)
        if len(data) != stop - start:
            raise errors.StorageError(f"The stored file {name} is shorter than {stop} bytes.")
        return data
