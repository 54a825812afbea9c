"""Every slug that a user can meet, in an answer, an error or the log, is explained, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "refusals.md"
EXPLAINED = re.findall(r"^### (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
PLACES = {
    "say": 2,
    "event": 2,
    "Withheld": 0,
    "Verdict": 0,
    "Diagnosis": 1,
    "lacks": 1,
    "Missing": 1,
    "_refuse": 1,
    "UploadRefused": 0,
    "Remark": 0,
    "_there": 2,
    "__init__": 0,
}
"""Calls that are given a slug, and at which place."""


def slugs_in(tree):
    """The slugs of a module: of its classes of errors, and those that it says, logs or judges by."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id == "slug" and isinstance(node.value, ast.Constant):
                yield node.value.value
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            place = PLACES.get(name)
            if name == "Diagnosis" and getattr(node.args[0], "value", "") == "ok":
                # What is in order needs no explanation.
                continue
            if place is not None and len(node.args) > place:
                # Not what comes out of a variable: it was a constant somewhere else. `a if b else c` is two.
                argument = node.args[place]
                parts = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
                yield from (part.value for part in parts if isinstance(part, ast.Constant))


def test_every_slug_is_explained_and_none_is_invented():
    """Somebody who sees a slug and searches the docs for it finds what it means and what to do."""
    sources = (ROOT / "src" / "localshop").rglob("*.py")
    used = {slug for source in sources for slug in slugs_in(ast.parse(source.read_text(encoding="utf-8")))}

    assert len(used) > 30, "The search itself is broken."
    assert sorted(EXPLAINED) == sorted(used)


def test_a_link_to_a_slug_leads_to_its_section():
    """Headings are the plain slugs, so `refusals.md#not-mirrored` is where it should be."""
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", slug) for slug in EXPLAINED)
