"""What a repository reads from: one upstream index, and the credentials for it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Source:
    """One upstream index of a repository."""

    id: int
    url: str
    """The simple index: absolute, ends with ``/``, without user name and password."""
    username: str = ""
    password: str = field(default="", repr=False)
    file_hosts: tuple[str, ...] = ()
    """Hosts beside its own that its files may come from, each ``host`` or ``host:port``."""
