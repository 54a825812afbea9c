"""The reference page of the commands says what the parsers say: nothing is missing, nothing invented."""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from pathlib import Path

import pytest

from localshop.cli.start import COMMANDS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
SECTIONS = dict(
    re.findall(
        r"^## localshop (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
)


def parsers():
    """Every command, or action of a command, by its full name, with its parser."""
    found = {}
    for name, module in COMMANDS.items():
        parser = import_module(module).Command().create_parser("localshop", name)
        groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
        if not groups:
            found[name] = parser
        for group in groups:
            found |= {f"{name} {action}": sub for action, sub in group.choices.items()}
    return found


PARSERS = parsers()


def test_every_command_has_its_section():
    """A user who looks a command up finds it, and finds none that is not there."""
    assert set(SECTIONS) == set(PARSERS)


@pytest.mark.parametrize("name", PARSERS)
def test_options_and_arguments_are_those_of_the_parser(name):
    """A user who copies an option from the page can use it, and finds every option there is."""
    shown = [one for one in PARSERS[name]._actions if one.help != argparse.SUPPRESS]
    spelled = {text for one in shown for text in one.option_strings if text.startswith("--")}
    options = spelled - {"--help", "--json"}
    arguments = {one.metavar or one.dest for one in shown if not one.option_strings}

    # The options of other commands may be mentioned, written with their command: `serve --no-jobs`.
    assert set(re.findall(r"(?<=`)--[a-z-]+", SECTIONS[name])) >= options
    described = {
        option
        for line in SECTIONS[name].splitlines()
        if line.startswith("- ")
        for option in re.findall(r"`(--[a-z-]+)", line.split(":")[0])
    }
    assert described == options
    assert all(re.search(rf"`[A-Z_ ]*\b{argument}\b[A-Z_ ]*`", SECTIONS[name]) for argument in arguments)


@pytest.mark.parametrize("name", PARSERS)
def test_json_is_offered_where_the_page_says_so(name):
    """A script that relies on --json gets it from every command that has a result."""
    has = any("--json" in one.option_strings for one in PARSERS[name]._actions)
    assert has == (name not in {"serve", "worker", "celeryd", "run_gunicorn"})
