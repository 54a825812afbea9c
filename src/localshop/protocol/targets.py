"""The machines that files are chosen for: which wheels a Python on a platform can use, and its markers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product, starmap

from packaging import tags
from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.tags import Tag

from localshop.errors import BadInput

_PYTHON = re.compile(r"3\.(?P<minor>[0-9]{1,2})(?:\.(?P<patch>[0-9]{1,3}))?(?P<threaded>t?)\Z")
_GLIBC = re.compile(r"manylinux_2_(?P<minor>[0-9]{1,2})_(?P<machine>[a-z0-9_]{2,20})\Z")
_MUSL = re.compile(r"musllinux_1_(?P<minor>[0-9]{1,2})_(?P<machine>[a-z0-9_]{2,20})\Z")
_MACOS = re.compile(r"macosx_(?P<major>1[0-9]|[2-9][0-9])_(?P<minor>[0-9]{1,2})_(?P<machine>x86_64|arm64)\Z")
_WINDOWS = {"win_amd64": "AMD64", "win32": "x86", "win_arm64": "ARM64"}
# PEP 600: what the older names of platforms stand for, by the minor version of glibc 2.
_OLDER_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_OLDEST_GLIBC = 5
_MOST_TAGS = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """A Python on a platform. ``python`` is its full version, ``markers`` are those of PEP 508.

    ``ranks`` has the tags of the wheels that it can use, the one it likes best at 0.
    """

    name: str
    python: str
    markers: Mapping[str, str]
    ranks: Mapping[Tag, int]

    def rank(self, filename: str) -> int | None:
        """How much it likes a wheel, 0 most of all; None: it cannot use it, or the name is none."""
        parts = [part.split(".") for part in filename.removesuffix(".whl").rsplit("-", 3)[1:]]
        # Compressed tags multiply: a page could name some that come to a million.
        if len(parts) != 3 or math.prod(map(len, parts)) > _MOST_TAGS:
            return None
        found = starmap(Tag, product(*parts))
        return min((self.ranks[tag] for tag in found if tag in self.ranks), default=None)

    def applies(self, marker: Marker | None, extras: Iterable[str] = ()) -> bool:
        """Whether a marker holds there, with one of these extras or without any.

        One that cannot be judged holds: a file too many is better than one that is missing.
        """
        if marker is None:
            return True
        try:
            return any(marker.evaluate({**self.markers, "extra": extra}) for extra in ("", *extras))
        except (UndefinedComparison, UndefinedEnvironmentName):
            return True


def target(python: str, platform: str) -> Target:
    """A CPython such as ``3.12``, ``3.12.4`` or ``3.13t`` on a platform such as ``macosx_14_0_arm64``.

    Without a patch number it is the first release of that Python, as it is for pip. Raises
    BadInput.
    """
    return on_platforms(python, platform, platforms=_platforms(platform), markers=_markers(platform))


def on_platforms(python: str, name: str, *, platforms: Sequence[str], markers: Mapping[str, str]) -> Target:
    """A CPython where these platform tags work, the best one first; ``markers`` are the platform's."""
    said = _PYTHON.match(python)
    if said is None:
        raise BadInput(f"{python!r} is no version of Python that files can be chosen for; 3.12 or 3.13.1 is.")
    version = (3, int(said["minor"]))
    full = f"3.{version[1]}.{int(said['patch'] or 0)}"
    abi = f"cp3{version[1]}{'m' if version[1] < 8 else ''}{said['threaded']}"
    usable = [
        *tags.cpython_tags(version, abis=[abi], platforms=platforms),
        *tags.compatible_tags(version, interpreter=f"cp3{version[1]}", platforms=platforms),
    ]
    return Target(
        name=f"Python {python} on {name}",
        python=full,
        markers={**markers, **_python_markers(f"3.{version[1]}", full)},
        ranks=ranks(usable),
    )


def ranks(usable: Iterable[Tag]) -> dict[Tag, int]:
    """Number tags as they come, best first."""
    found: dict[Tag, int] = {}
    for tag in usable:
        found.setdefault(tag, len(found))
    return found


def _platforms(platform: str) -> tuple[str, ...]:
    older = next((minor for minor, name in _OLDER_NAMES.items() if platform.startswith(f"{name}_")), None)
    if older is not None:
        platform = f"manylinux_2_{older}_{platform.split('_', 1)[1]}"
    if said := _GLIBC.match(platform):
        return tuple(_glibc(int(said["minor"]), said["machine"]))
    if said := _MUSL.match(platform):
        machine = said["machine"]
        versions = range(int(said["minor"]), -1, -1)
        return (*(f"musllinux_1_{minor}_{machine}" for minor in versions), f"linux_{machine}")
    if said := _MACOS.match(platform):
        return tuple(tags.mac_platforms((int(said["major"]), int(said["minor"])), said["machine"]))
    if platform in _WINDOWS:
        return (platform,)
    raise BadInput(
        f"{platform!r} is no platform that files can be chosen for; such are manylinux_2_28_x86_64, "
        "musllinux_1_2_aarch64, macosx_14_0_arm64 and win_amd64."
    )


def _glibc(newest: int, machine: str) -> Iterator[str]:
    for minor in range(newest, _OLDEST_GLIBC - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _OLDER_NAMES:
            yield f"{_OLDER_NAMES[minor]}_{machine}"
    yield f"linux_{machine}"


def _markers(platform: str) -> dict[str, str]:
    unknown = {"platform_release": "", "platform_version": ""}
    if platform in _WINDOWS:
        system = {"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows"}
        return {**unknown, **system, "platform_machine": _WINDOWS[platform]}
    if mac := _MACOS.match(platform):
        system = {"os_name": "posix", "sys_platform": "darwin", "platform_system": "Darwin"}
        return {**unknown, **system, "platform_machine": mac["machine"]}
    linux = _GLIBC.match(platform) or _MUSL.match(platform)
    machine = linux["machine"] if linux else platform.split("_", 1)[1]
    system = {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"}
    return {**unknown, **system, "platform_machine": machine}


def _python_markers(version: str, full: str) -> dict[str, str]:
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "platform_python_implementation": "CPython",
        "python_full_version": full,
        "python_version": version,
    }
