"""Files that were still arriving when whoever wrote them died: found, and removed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

_AHEAD = 172_800.0
"""Seconds. What came by so much too late to be old comes only in days: the clock ran ahead."""


def remove_old_parts(scratch: Path, *, before: float, pattern: str = "*", dry_run: bool = False) -> list[int]:
    """Remove the files in ``scratch`` that were last changed before ``before`` (seconds since the epoch).

    One whose lock is held is being written by somebody, however slowly, and stays. Lock files stay
    too: whoever removes one lets two others in at once. Returns the sizes (bytes) of those that went,
    or with ``dry_run`` would have.
    """
    paths = [path for path in scratch.glob(pattern) if path.suffix != ".lock"]
    sizes = [_remove(path, before=before, dry_run=dry_run) for path in paths]
    return [size for size in sizes if size is not None]


def is_old(came: float, *, before: float) -> bool:
    """Whether a file came before that; all times are seconds since the epoch."""
    return came < before or came >= before + _AHEAD


def _remove(path: Path, *, before: float, dry_run: bool) -> int | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        # It has arrived meanwhile, or is nothing that we have put here.
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Looked at under the lock, so that nobody has begun to go on with it in between.
        found = os.fstat(fd)
        if not is_old(found.st_mtime, before=before):
            return None
        if not dry_run:
            path.unlink()
    except OSError:
        return None
    else:
        return found.st_size
    finally:
        os.close(fd)
