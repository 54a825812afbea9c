"""Reading a stored file that is in a storage elsewhere, in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, BinaryIO, TypeVar

from localshop.storage.failures import read_exactly

from .artifact import Artifact, check_size

Result = TypeVar("Result")

# A storage elsewhere that is slow keeps only those waiting who want files.
_CARRIERS = ThreadPoolExecutor(32, thread_name_prefix="sending")


class Remote:
    """A stored file in a storage that is not on this machine; making one blocks.

    ``read``: its bytes are going to be read. Some storages look at a file with that, and need not be
    asked of it before.
    """

    slice = 1 << 20
    """Bytes of a message at the most."""

    def __init__(self, artifact: Artifact, *, read: bool) -> None:
        self._artifact = artifact
        if not (read and artifact.size and artifact.store.checks_size):
            check_size(artifact, artifact.store.size(artifact.name))
        self._part = (0, artifact.size)
        self._file: BinaryIO | None = None

    def expect(self, start: int, stop: int) -> None:
        """Tell what is going to be read, so that the storage is asked for that, and once."""
        self._part = (start, stop)

    async def message(self, start: int, stop: int, *, more: bool) -> MutableMapping[str, Any]:
        """Give the message that sends the bytes from ``start`` up to ``stop``; ``errors.StorageError``."""
        body = await elsewhere(self._read, start, stop)
        return {"type": "http.response.body", "body": body, "more_body": more}

    async def close(self) -> None:
        if self._file is not None:
            await elsewhere(self._file.close)

    def _read(self, start: int, stop: int) -> bytes:
        store, name = self._artifact.store, self._artifact.name
        if self._file is None:
            self._file = store.open(name, size=self._artifact.size, part=self._part)
        return read_exactly(self._file, name, start=start, stop=stop)


async def elsewhere(work: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Do blocking work on a storage elsewhere, for a client who waits."""
    return await asyncio.get_running_loop().run_in_executor(_CARRIERS, partial(work, *args, **kwargs))
