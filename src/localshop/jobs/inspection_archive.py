"""Walks through a wheel or an sdist for those who look at it; nothing is unpacked to the disk.

By the standard library, which is lenient: files of an upstream that today's rules would refuse can be
looked at, too. Whoever calls this has set limits to the process.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_PIECE = 1 << 20
_MOST_MEMBERS = 50_000
_LARGEST = 4 << 30
"""Bytes of all members together, as they come out."""


class TooMuch(Exception):
    """The archive has more in it than is looked at."""


def walk(path: Path, filename: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Each file in the archive: its name and the pieces of its content, to be taken before the next one.

    What begins with name and version is called alike in all releases: ``acme-1.0.dist-info/METADATA``
    is ``dist-info/METADATA``, and the ``acme-1.0/setup.py`` of an sdist is ``setup.py``.
    """
    left = [_MOST_MEMBERS, _LARGEST]
    members = _of_zip(path) if filename.endswith((".whl", ".zip", ".egg")) else _of_tar(path)
    for name, file in members:
        left[0] -= 1
        if left[0] < 0:
            raise TooMuch
        yield _plain(name, filename), _pieces(file, left)


def _of_zip(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                with archive.open(info) as file:
                    yield info.filename, file


def _of_tar(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(path) as archive:
        for info in archive:
            file = archive.extractfile(info) if info.isreg() else None
            if file is not None:
                yield info.name, file


def _pieces(file: IO[bytes], left: list[int]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        left[1] -= len(piece)
        if left[1] < 0:
            raise TooMuch
        yield piece


def _plain(name: str, filename: str) -> str:
    top, slash, rest = name.removeprefix("./").partition("/")
    if not slash:
        return top
    if not filename.endswith(".whl"):
        return rest
    for suffix in (".dist-info", ".data"):
        if top.endswith(suffix):
            return f"{suffix[1:]}/{rest}"
    return name
