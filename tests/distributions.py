"""Small wheels and sdists, built in memory: real enough for pip and uv to install.

    wheel("Demo", "1.0", requires=["other>=2"], requires_python=">=3.8", size=3_000_000)
    sdist("Demo", "1.0")

The same arguments give the same bytes. ``size`` pads the file to about that many bytes; ``fields`` come on
top of its METADATA, and ``readme`` is its description.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import random
import re
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Fields = Mapping[str, str] | Sequence[tuple[str, str]]
"""Of METADATA; pairs where one is there more than once."""
_README = "A package for tests."
_PYPROJECT = b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
_BACKEND = """
import shutil

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    shutil.copy("BUILT", wheel_directory)
    return "BUILT"
"""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A file of a project, whole."""

    project: str  # As written; see ``normalised``.
    version: str
    filename: str
    body: bytes
    metadata: bytes  # METADATA of the wheel, PKG-INFO of the sdist.
    requires_python: str = ""
    path: str = field(init=False)
    """``packages/aa/bb/rest/filename``, cut from the blake2b-256 as PyPI does."""
    sha256: str = field(init=False)

    @property
    def normalised(self) -> str:
        return re.sub(r"[-_.]+", "-", self.project).lower()

    def __post_init__(self) -> None:
        # Once: the fake upstream asks every file for its path on every request.
        digest = hashlib.blake2b(self.body, digest_size=32).hexdigest()
        object.__setattr__(self, "path", f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{self.filename}")
        object.__setattr__(self, "sha256", hashlib.sha256(self.body).hexdigest())


def wheel(
    project: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    requires_python: str = "",
    tag: str = "py3-none-any",
    size: int = 0,
    compression: int = zipfile.ZIP_DEFLATED,
    files: Mapping[str, bytes] | None = None,
    fields: Fields = (),
    readme: str = _README,
) -> Distribution:
    """Build a wheel with one module, METADATA, WHEEL and RECORD; ``files`` come on top."""
    module = _module(project)
    info = f"{module}-{version}.dist-info"
    metadata = _metadata(project, version, requires, requires_python, fields=fields, readme=readme)
    members = {
        f"{module}/__init__.py": f'__version__ = "{version}"\n'.encode(),
        **_padding(f"{module}/padding.bin", size),
        **(files or {}),
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    record = "".join(f"{name},sha256={_urlsafe(data)},{len(data)}\n" for name, data in members.items())
    members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            member = zipfile.ZipInfo(name, date_time=(2024, 1, 1, 0, 0, 0))
            member.external_attr = 0o644 << 16
            archive.writestr(member, data, zipfile.ZIP_STORED if name.endswith(".bin") else compression)
    filename = f"{module}-{version}-{tag}.whl"
    return Distribution(project, version, filename, buffer.getvalue(), metadata, requires_python)


def sdist(
    project: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    requires_python: str = "",
    size: int = 0,
    files: Mapping[str, bytes] | None = None,
    fields: Fields = (),
    readme: str = _README,
) -> Distribution:
    """Build an sdist with PKG-INFO. It needs nothing to be built: the wheel that comes of it is in it."""
    module = _module(project)
    root = f"{module}-{version}"
    metadata = _metadata(project, version, requires, requires_python, fields=fields, readme=readme)
    built = wheel(project, version, requires=requires, requires_python=requires_python)
    members = {
        f"{root}/PKG-INFO": metadata,
        f"{root}/pyproject.toml": _PYPROJECT,
        f"{root}/backend.py": _BACKEND.replace("BUILT", built.filename).encode(),
        f"{root}/{built.filename}": built.body,
        f"{root}/{module}/__init__.py": f'__version__ = "{version}"\n'.encode(),
        **_padding(f"{root}/padding.bin", size),
        **(files or {}),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    body = gzip.compress(buffer.getvalue(), mtime=0)
    return Distribution(project, version, f"{root}.tar.gz", body, metadata, requires_python)


def _module(project: str) -> str:
    return re.sub(r"[-_.]+", "_", project).lower()


def _metadata(
    project: str,
    version: str,
    requires: Sequence[str],
    requires_python: str,
    *,
    fields: Fields,
    readme: str,
) -> bytes:
    more = list(fields.items() if isinstance(fields, Mapping) else fields)
    lines = ["Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}"]
    lines += [] if any(name == "Summary" for name, _ in more) else ["Summary: For tests"]
    lines += [f"{name}: {value}" for name, value in more]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [f"Requires-Dist: {each}" for each in requires]
    return ("\n".join(lines) + f"\n\n{readme}\n").encode()


def _padding(name: str, size: int) -> dict[str, bytes]:
    # Random, so that no compression makes it small; seeded, so that it is the same each time.
    return {name: random.Random(size).randbytes(size)} if size else {}


def _urlsafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
