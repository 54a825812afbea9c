"""The counters of all processes of a machine, together.

Each process counts in its own memory, which is quickest, and puts its numbers into a file every few
seconds. Whoever is asked adds them up. What processes have counted that are gone is kept, so that no
number ever goes down while the machine's home lasts.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .counters import snapshot
from .log import event, get_logger
from .metrics import Counts, Labels

DIRECTORY = "metrics"
"""Where the numbers are, in the home."""
_PAST = "past.json"
_LOCK = "lock"
_EVERY = 5.0

_Total = dict[tuple[str, Labels], float]

log = get_logger(__name__)


def join(directory: Path) -> None:
    """From now on this process counts with the others of ``directory``."""
    global _mine  # noqa: PLW0603 -- a process counts into one place.
    try:
        _mine = Shared(directory)
    except OSError as error:
        # Nobody goes without packages for that; the numbers are this process's alone.
        event(log, logging.WARNING, "metrics-alone", f"Numbers are not put together in {directory}: {error}")


def publish() -> None:
    """Put this process's numbers where the others find them."""
    if _mine is not None:
        _mine.publish()


async def keep_publishing() -> None:
    """Publish every few seconds, for a process that has nothing else to do so often."""
    while True:
        await asyncio.sleep(_EVERY)
        # A disk that is full for a while is told of by those who need it.
        with contextlib.suppress(OSError):
            await asyncio.to_thread(publish)


def collect() -> tuple[Counts, int]:
    """The numbers of all processes, as they are now or a few seconds ago, and how many those are."""
    return _mine.collect() if _mine is not None else (snapshot(), 1)


def leave() -> None:
    """Count no more; the last numbers of this process stay."""
    global _mine
    left, _mine = _mine, None
    if left is not None:
        with contextlib.suppress(OSError):
            left.close()


class Shared:
    """What one process has among those that count into ``directory``."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._file = directory / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        # The kernel takes the lock from the dead, whatever they died of; a pid would be given away again.
        self._fd = os.open(_lock_of(self._file), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def publish(self) -> None:
        """Put this process's numbers where the others find them."""
        _write(self._file, snapshot())

    def collect(self) -> tuple[Counts, int]:
        """The sum over all processes, this one as it is now, and how many of them there are."""
        with _alone(self._directory):
            total, processes = _others(self._directory, without=self._file)
        _add(total, snapshot())
        return total, processes + 1

    def close(self) -> None:
        """Leave the last numbers behind; whoever is asked next takes them over."""
        try:
            self.publish()
        finally:
            os.close(self._fd)


def _others(directory: Path, *, without: Path) -> tuple[_Total, int]:
    """What the others have counted, with those that are gone, whose files go with them."""
    folded, past = _read_past(directory)
    total, processes, gone = dict(past), 0, []
    for path in directory.glob("*-*.json"):
        if path == without:
            continue
        if _lives(path):
            _add(total, _read(path))
            processes += 1
        else:
            gone.append(path)
    if gone:
        for path in gone:
            if path.name not in folded:
                counts = _read(path)
                _add(past, counts)
                _add(total, counts)
        # Their names are written down with their numbers: whoever is killed here counts none of them twice.
        _write(directory / _PAST, past, folded=[path.name for path in gone])
        for path in gone:
            path.unlink(missing_ok=True)
            _lock_of(path).unlink(missing_ok=True)
    return total, processes


def _lives(path: Path) -> bool:
    """Whether the process of this file still holds its lock."""
    try:
        fd = os.open(_lock_of(path), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Two that add up at once would take the same dead over twice."""
    fd = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _read_past(directory: Path) -> tuple[set[str], _Total]:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads((directory / _PAST).read_bytes())
        return set(kept["folded"]), _counts(kept["counts"])
    return set(), {}


def _read(path: Path) -> _Total:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return _counts(json.loads(path.read_bytes())["counts"])
    return {}


def _counts(rows: list[tuple[str, list[tuple[str, str]], float]]) -> _Total:
    return {(name, tuple((key, text) for key, text in labels)): value for name, labels, value in rows}


def _write(path: Path, counts: Counts, *, folded: list[str] | None = None) -> None:
    """Written beside and renamed, so that nobody reads half of it; a power cut may undo it."""
    kept = {
        "folded": folded or [],
        "counts": [(name, labels, value) for (name, labels), value in counts.items()],
    }
    beside = path.with_suffix(f".{secrets.token_hex(4)}.new")
    beside.write_text(json.dumps(kept), encoding="utf-8")
    beside.rename(path)


def _add(total: _Total, counts: Counts) -> None:
    for key, value in counts.items():
        total[key] = total.get(key, 0) + value


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


_mine: Shared | None = None
