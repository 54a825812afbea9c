"""Where values come from: the environment, files that it names, and ``localshop.conf.py``."""

from __future__ import annotations

import difflib
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localshop.config.declared import PREFIX, SETTINGS
from localshop.errors import BadSetting

HOME = "LOCALSHOP_HOME"
NAMES = tuple(one.name for one in SETTINGS)
SECRET_FILES = {f"{one.name}_FILE": one.name for one in SETTINGS if one.secret}


@dataclass(frozen=True, slots=True)
class Given:
    """A value as somebody wrote it, and where: ``source`` goes into the sentence of an error."""

    value: object = field(repr=False)
    source: str


@dataclass(frozen=True, slots=True)
class Source:
    """What one source gives: settings by name, other names, and sentences of warning."""

    given: Mapping[str, Given]
    others: Mapping[str, object] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()


def home_of(home: Path | None, environ: Mapping[str, str]) -> Path:
    """Give the home as an absolute path: the argument, else ``LOCALSHOP_HOME``, else ``~/.localshop``."""
    place = home or Path(environ.get(HOME) or "~/.localshop")
    try:
        return Path(os.path.abspath(place.expanduser()))  # noqa: PTH100 - a link in the path stays as written.
    except RuntimeError as error:
        raise BadSetting(f"{HOME} is {str(place)!r}, whose ~ stands for no directory: {error}.") from None


def from_environ(environ: Mapping[str, str]) -> Source:
    """Take our names out of the environment. Unknown ones are warnings: Kubernetes injects some.

    Raises ``BadSetting`` when a ``…_FILE`` cannot be read, or is given beside the setting itself.
    """
    given: dict[str, Given] = {}
    warnings = []
    for name, value in sorted(environ.items()):
        if name in NAMES:
            given[name] = Given(value, "the environment")
        elif name in SECRET_FILES:
            setting = SECRET_FILES[name]
            if setting in environ:
                raise BadSetting(f"{name} is {value!r} and {setting} is set, too; only one of them can hold.")
            given[setting] = Given(_secret_in(name, Path(value)), f"the file that {name} names")
        elif name.startswith(PREFIX) and name != HOME:
            warnings.append(f"{name} in the environment is no setting and is ignored; {_nearest(name)}")
    return Source(given, warnings=tuple(warnings))


def from_file(path: Path) -> Source:
    """Run ``localshop.conf.py`` and take its upper-case names; a file that is not there gives nothing.

    Names that are neither ours nor Django's go to Django's settings, where a storage's library
    looks for them. Raises ``BadSetting`` for an error in the file, with its line, and for an
    unknown ``LOCALSHOP_…``: there it can only be a mistake.
    """
    names = {name: value for name, value in _run(path).items() if name.isupper() and not name.startswith("_")}
    ours = {name: value for name, value in names.items() if name.startswith(PREFIX)}
    for name, value in ours.items():
        if name == HOME:
            raise BadSetting(f"{HOME} in {path} is {value!r}; it has an effect in the environment only.")
        if name not in NAMES:
            raise BadSetting(f"{name} in {path} is no setting; {_nearest(name)}")
    others = {name: value for name, value in names.items() if name not in ours}
    djangos = _those_of_django(others)
    return Source(
        # None is how Python says "not set".
        {name: Given(value, str(path)) for name, value in ours.items() if value is not None},
        {name: value for name, value in others.items() if name not in djangos},
        tuple(
            f"{name} in {path} is ignored: localshop makes this setting of Django itself." for name in djangos
        ),
    )


def _run(path: Path) -> dict[str, object]:
    names: dict[str, object] = {"__file__": str(path), "__name__": "localshop_conf"}
    try:
        source = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error}.") from None
    try:
        exec(compile(source, str(path), "exec", dont_inherit=True), names)  # noqa: S102 - it is the administrator's.
    except SyntaxError as error:
        raise BadSetting(f"{error.filename}, line {error.lineno}: {error.msg}.") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the line is told.
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
        ]
        where = f"{path}, line {lines[-1]}" if lines else str(path)
        raise BadSetting(f"{where}: {type(error).__name__}: {error}.") from None
    return names


def _secret_in(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise BadSetting(f"{name} is {str(path)!r}, which cannot be read: {error}.") from None


def _nearest(name: str) -> str:
    plain = name.removeprefix(PREFIX).removesuffix("_FILE")
    (found,) = difflib.get_close_matches(plain, [one.attribute.upper() for one in SETTINGS], n=1, cutoff=0)
    return f"the nearest name is {PREFIX}{found}."


def _those_of_django(names: Mapping[str, object]) -> list[str]:
    if not names:
        return []
    from django.conf import global_settings  # noqa: PLC0415 - hardly any file has such a name.

    return [name for name in names if hasattr(global_settings, name)]
