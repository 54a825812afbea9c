"""How far a long check of all stored files has come, in a file, so that one that was cut goes on."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from localshop.errors import BadInput


@dataclass(frozen=True, slots=True)
class Finding:
    """Bytes that are not as they should be.

    ``what`` is ``damaged``, ``missing`` or ``unreadable``; ``outcome`` is ``found`` (nothing was done),
    ``repaired``, ``quarantined`` or ``not-repaired``. ``files`` are names for people, each
    ``repository: file name``. ``blob`` is the id of their row, 0: they have none.
    """

    sha256: str
    what: str
    outcome: str
    files: tuple[str, ...]
    sentence: str
    blob: int


@dataclass(slots=True)
class Checkpoint:
    """Of the rows up to ``until`` those up to ``after`` were read: ``checked`` files, ``size`` bytes in all.

    ``until`` 0: nobody has looked yet.
    """

    after: int = 0
    until: int = 0
    checked: int = 0
    size: int = 0
    findings: list[Finding] = field(default_factory=list)
    _fd: int = -1

    def save(self) -> None:
        """Write it down. A process that is killed leaves the old state or the new one."""
        state = {
            "after": self.after,
            "until": self.until,
            "checked": self.checked,
            "size": self.size,
            "findings": [asdict(finding) for finding in self.findings],
        }
        # Only the first line counts: what is left of a longer, older state stands behind it.
        os.pwrite(self._fd, f"{json.dumps(state)}\n".encode(), 0)

    def _load(self) -> None:
        line = os.pread(self._fd, os.fstat(self._fd).st_size, 0).partition(b"\n")[0]
        try:
            state = json.loads(line)
            found = [Finding(**{**each, "files": tuple(each["files"])}) for each in state["findings"]]
            numbers = [int(state[key]) for key in ("after", "until", "checked", "size")]
        except (ValueError, KeyError, TypeError):
            # Nothing, or what a power cut has left: then all is read again.
            return
        self.after, self.until, self.checked, self.size = numbers
        self.findings = found


@contextmanager
def checkpoint(path: Path, *, again: bool) -> Iterator[Checkpoint]:
    """What the last run that did not come to its end has left at ``path``; with ``again`` nothing.

    The file goes when the context ends well, and stays when it is left by an exception. Raises
    ``BadInput`` while another process is in this context.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput("Another process is checking the stored files of this home.") from None
        state = Checkpoint(_fd=fd)
        if not again:
            state._load()  # noqa: SLF001 -- its own maker.
        try:
            yield state
        except BaseException:
            state.save()
            raise
        path.unlink(missing_ok=True)
    finally:
        os.close(fd)
