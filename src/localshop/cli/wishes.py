"""What ``mirror`` is asked for: the requirements and files on its command line, read together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement

from localshop.cli.output import Options
from localshop.errors import BadInput
from localshop.protocol.locks import Locked, read_lock
from localshop.protocol.requirements import Wish, read_requirement, read_requirements

_LARGEST = 64 << 20
_MOST_FILES = 100


@dataclass(slots=True)
class Gathered:
    """All wishes; ``skipped``: in sentences, what comes from no package index."""

    requirements: list[Wish] = field(default_factory=list)
    constraints: list[Requirement] = field(default_factory=list)
    locked: list[Locked] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    prereleases: bool = False


def gather(options: Options) -> Gathered:
    """Read all that is asked for; raises BadInput."""
    found = Gathered(requirements=[Wish(read_requirement(text)) for text in options["requirements"]])
    seen: set[tuple[Path, bool]] = set()
    for name in options["requirement"]:
        _take_requirements(Path(name), found, seen, constraint=False)
    for name in options["lock"]:
        lock = read_lock(_content(Path(name)), name)
        found.locked += lock.files
        found.skipped += lock.skipped
    return found


def _take_requirements(
    path: Path, found: Gathered, seen: set[tuple[Path, bool]], *, constraint: bool
) -> None:
    """Read a requirements file and those that it includes, each once: they may include each other."""
    place = (path.resolve(), constraint)
    if place in seen:
        return
    seen.add(place)
    if len(seen) > _MOST_FILES:
        raise BadInput(f"More than {_MOST_FILES} requirements files include each other.")
    listed = read_requirements(_content(path), str(path))
    if constraint:
        found.constraints += [wish.requirement for wish in listed.wishes]
    else:
        found.requirements += listed.wishes
        found.skipped += listed.skipped
        found.prereleases |= listed.prereleases
    for names, only_limits in ((listed.includes, constraint), (listed.constraints, True)):
        for name in names:
            if "://" in name or not name.isprintable():
                raise BadInput(f"{path} includes {name!r}; only files can be included.")
            _take_requirements(path.parent / name, found, seen, constraint=only_limits)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise BadInput(f"{path} is larger than {_LARGEST:,} bytes, too large for what it should be.")
    return data
