"""The architecture page names modules, classes and functions that are there."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import localshop

SOURCE = Path(localshop.__file__).parent
PAGE = SOURCE.parents[1] / "docs" / "ARCHITECTURE.md"
TEXT = PAGE.read_text(encoding="utf-8")
ROOMS = {path.stem for path in SOURCE.iterdir() if path.name[0] != "_" and path.suffix in {"", ".py"}}


def found(name):
    """Whether a dotted name below ``localshop`` is a module, or something in one."""
    thing = localshop
    path = localshop.__name__
    for part in name.split("."):
        path = f"{path}.{part}"
        try:
            thing = import_module(path)
        except ModuleNotFoundError:
            if not hasattr(thing, part):
                return False
            thing = getattr(thing, part)
    return True


def test_every_name_exists():
    """Somebody new who looks a name up finds it."""
    names = {name for name in re.findall(r"`([a-z_]+(?:\.\w+)+)`", TEXT) if name.split(".")[0] in ROOMS}

    assert len(names) > 30, "The search itself is broken."
    assert [name for name in sorted(names) if not found(name)] == []


def test_every_room_and_table_is_explained():
    """Nobody meets a room or a table that the page does not tell of."""
    models = import_module("localshop.catalog.models")
    tables = set(models.__all__)

    assert len(tables) > 20, "The search itself is broken."
    assert {room for room in ROOMS | tables if f"`{room}`" not in TEXT} == set()
