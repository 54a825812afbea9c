"""The options of ``localshop policy set`` and ``try``: rules, as somebody gives them on a command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from localshop.cli.output import Options
from localshop.errors import BadInput
from localshop.policies.advisories import SEVERITIES, Advisories
from localshop.policies.kinds import FILE_KINDS
from localshop.policies.listed import listed
from localshop.policies.rules import ALLOW, KINDS, Rules, read

_OPTIONS = (
    *(
        "cooldown",
        "freeze",
        "block",
        "unblock",
        "allow",
        "unallow",
        "yanked",
        "gone",
        "first_seen",
        "hide_kind",
    ),
    *("advisories", "vulnerable"),
    *("licence", "no_licence", "unknown_licence", "watch", "enforce", "unset"),
)
_Shape = dict[str, dict[str, Any]]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what can be set of rules."""
    days = whole(1, 3650)
    parser.add_argument(
        "--cooldown", type=days, metavar="DAYS", help="hide releases that are younger than so many days"
    )
    parser.add_argument("--freeze", metavar="DATE", help="hide what came after this day, or this time")
    for option, about in (
        ("--block", "hide this project, or these versions of it; acme-* for all that begin so"),
        ("--unblock", "take an entry from the block list"),
        ("--allow", "let this project, or these versions of it, through all rules but exact blocks"),
        ("--unallow", "take an entry from the allow list"),
    ):
        parser.add_argument(option, action="append", default=[], metavar="NAME[SPEC]", help=about)
    parser.add_argument("--yanked", choices=("hide", "show"), help="what becomes of what was yanked")
    parser.add_argument("--gone", choices=("hide", "show"), help="what becomes of what is gone upstream")
    parser.add_argument(
        "--first-seen", choices=("hold", "show"), help="what becomes of names that nobody here has ever used"
    )
    parser.add_argument(
        "--hide-kind", action="append", default=[], choices=FILE_KINDS, help="hide all files of a kind"
    )
    parser.add_argument(
        "--advisories", choices=("hide", "show"), help="what becomes of malicious releases; hide unless said"
    )
    parser.add_argument(
        "--vulnerable",
        choices=SEVERITIES,
        help="hide releases with a known vulnerability of this severity or a higher one",
    )
    _declare_licences(parser)
    for option, about in (
        ("--watch", "only say what the rule would hide"),
        ("--enforce", "have the rule hide what it hides"),
        ("--unset", "turn the rule off"),
    ):
        parser.add_argument(option, action="append", default=[], metavar="RULE", help=about)


def _declare_licences(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--licence", action="append", default=[], metavar="SPDX", help="show only what is under such licences"
    )
    parser.add_argument(
        "--no-licence", action="append", default=[], metavar="SPDX", help="hide what is under this licence"
    )
    parser.add_argument(
        "--unknown-licence", choices=("allow", "hide"), help="what becomes of what tells no licence"
    )


def any_of(options: Options) -> bool:
    """Whether anything was given."""
    return any(options[name] for name in _OPTIONS)


def changed(rules: Rules, options: Options) -> Rules:
    """The rules with what was given; raises ``BadInput``."""
    shape: _Shape = {name: dict(told) for name, told in rules.told().items()}
    for name in options["unset"]:
        _rule_name(name, {*KINDS, ALLOW})
        shape.pop(name, None)
        if name == Advisories.name:
            # It is on where nothing is said of it.
            shape[name] = {"malicious": "show"}
    _set_single(shape, options)
    _set_lists(shape, options)
    for option, mode in (("watch", "watched"), ("enforce", "enforced")):
        for name in options[option]:
            _rule_name(name, KINDS)
            if name == Advisories.name:
                shape.setdefault(name, {})
            if name not in shape:
                raise BadInput(f"The rule {name!r} is off.")
            shape[name]["mode"] = mode
    return read(shape)


def whole(low: int, high: int) -> Callable[[str], int]:
    """A type for arguments: a whole number between two others."""

    def of(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return int(text)

    return of


def _set_single(shape: _Shape, options: Options) -> None:
    """What is one value."""
    for rule, key, value in (
        ("cooldown", "days", options["cooldown"]),
        ("freeze", "date", options["freeze"]),
        ("licences", "unknown", options["unknown_licence"]),
        ("advisories", "malicious", options["advisories"]),
        ("vulnerable", "severity", options["vulnerable"]),
    ):
        if value is not None:
            shape.setdefault(rule, {})[key] = value
    for rule, value in (
        ("yanked", options["yanked"]),
        ("gone", options["gone"]),
        ("first-seen", options["first_seen"]),
    ):
        if value == "show":
            shape.pop(rule, None)
        elif value is not None:
            shape.setdefault(rule, {})


def _set_lists(shape: _Shape, options: Options) -> None:
    """What is added to a list, or taken from it."""
    for rule, key, more, less in (
        ("block", "entries", options["block"], options["unblock"]),
        (ALLOW, "entries", options["allow"], options["unallow"]),
        ("kinds", "hide", options["hide_kind"], []),
        ("licences", "allow", options["licence"], []),
        ("licences", "deny", options["no_licence"], []),
    ):
        known = shape.get(rule, {}).get(key, [])
        gone = {str(listed(text)) for text in less}
        absent = gone - set(known)
        if absent:
            raise BadInput(f"{min(absent)} is not on the list of {rule!r}.")
        left = [one for one in [*known, *more] if one not in gone]
        if left:
            shape.setdefault(rule, {})[key] = left
        elif key in shape.get(rule, {}) and rule != "licences":
            del shape[rule]


def _rule_name(name: str, known: Mapping[str, object] | set[str]) -> None:
    if name not in known:
        raise BadInput(f"There is no rule {name!r}: there are {', '.join(sorted(known))}.")
