"""What became of an old home: numbers, remarks, and everything by name that was not taken over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from localshop.observe.log import escape


@dataclass(frozen=True, slots=True)
class Left:
    """One thing that was not taken over, and why."""

    what: str
    why: str


@dataclass(slots=True)
class Report:
    """Counted and named as it goes."""

    users: int = 0
    teams: int = 0
    repositories: int = 0
    networks: int = 0
    credentials: int = 0
    private_projects: int = 0
    private_files: int = 0
    mirrored_files: int = 0
    remarks: list[str] = field(default_factory=list)
    """What is otherwise than it was, in sentences."""
    left: list[Left] = field(default_factory=list)

    def leave(self, what: str, why: str) -> None:
        """Name something that was not taken over."""
        self.left.append(Left(what, why))

    @classmethod
    def of(cls, shape: Mapping[str, Any]) -> Report:
        """What `shape` gave."""
        return cls(**{**shape, "left": [Left(**one) for one in shape["left"]]})

    def shape(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For people."""
        first = (
            f"Taken over: {self.users} users, {self.teams} teams, {self.repositories} repositories, "
            f"{self.networks} networks, {self.credentials} credentials, {self.private_projects} private "
            f"projects with {self.private_files} files, {self.mirrored_files} mirrored files."
        )
        return [
            first,
            *(f"Note: {escape(one)}" for one in self.remarks),
            *(f"Not taken over: {escape(one.what)}: {escape(one.why)}" for one in self.left),
        ]
