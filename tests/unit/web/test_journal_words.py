"""The journal speaks in plain words of everything that is written in it."""

from __future__ import annotations

import ast
from pathlib import Path

import localshop
from localshop.web.journal_words import KINDS, WORDS

SOURCE = Path(localshop.__file__).parent


def constants(node):
    """The texts that an expression may be: `a if b else c` is two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*constants(node.body), *constants(node.orelse))


def actions():
    """What is handed to ``note`` of the journal, in the rooms that write it, or to who hands it on."""
    for path in [*(SOURCE / "catalog").glob("*.py"), *(SOURCE / "web").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="note" | "_note"), args=[action, *_]):
                    yield from constants(action)
                case ast.Assign(targets=[ast.Name(id="action")], value=action):
                    yield from constants(action)
                case ast.keyword(arg="action", value=action):
                    yield from constants(action)


def test_every_action_is_told_in_plain_words_and_can_be_asked_for():
    """Nobody has to guess what ``role-changed`` means, or finds a line only by leafing through all."""
    found = set(actions())
    assert len(found) > 25, "The search itself is broken."
    assert found - WORDS.keys() == set()
    assert found - {action for _, kind in KINDS.values() for action in kind} == set()
