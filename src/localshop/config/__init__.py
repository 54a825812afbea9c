"""Every setting of localshop: ``current()`` for this process, ``load()`` for a given home."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from localshop.config.declared import SETTINGS, Config
from localshop.config.secret import read_secret_key
from localshop.config.sources import Given, from_environ, from_file, home_of

__all__ = ["SETTINGS", "Config", "current", "load"]


@lru_cache(maxsize=1)
def current() -> Config:
    """Load the settings of this process, once; its home is ``LOCALSHOP_HOME`` or ``~/.localshop``."""
    return load()


def load(home: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """Read the settings of one home: the environment wins over ``localshop.conf.py``, that over defaults.

    ``home`` wins over ``LOCALSHOP_HOME``; it need not exist. Nothing is written. Raises ``BadSetting``
    with a sentence that names the setting and its value (a secret value is not told).
    """
    place = home_of(home, environ)
    file = from_file(place / "localshop.conf.py")
    outside = from_environ(environ)
    given: dict[str, Given] = {**file.given, **outside.given}
    values: dict[str, object] = {
        one.attribute: one.read(given[one.name].value, source=given[one.name].source)
        if one.name in given
        else one.default_in(place)
        for one in SETTINGS
    }
    values["secret_key"] = values["secret_key"] or read_secret_key(place)
    return Config(
        home=place,
        library_settings=file.others,
        warnings=(*file.warnings, *outside.warnings),
        **values,  # type: ignore[arg-type]  # Each value has gone through the kind of its own field.
    )
