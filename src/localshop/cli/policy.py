"""``localshop policy``: what a repository hides, and what it lets through all the same."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from localshop.catalog import policies, repositories
from localshop.catalog.journal import Actor
from localshop.catalog.records import PassRecord, RepositoryRecord
from localshop.cli import rules_given
from localshop.cli.output import Group, Options, Shape, moment, table
from localshop.errors import BadInput
from localshop.policies.first_seen import FirstSeen
from localshop.policies.reading import moment as date_of
from localshop.policies.reading import written
from localshop.policies.rules import Rules, read
from localshop.shelf.rehearsal import Rehearsed, rehearse

_ME = Actor("command line")


class Command(Group):
    """Shows and changes the rules of a repository."""

    help = "show, set or try the rules of a repository, or let a version through"

    def declare(self) -> None:
        """Declare the actions."""
        _repository(self.action("show", self._show, "show the rules of a repository, and its passes"))
        _repository(self.action("export", self._export, "print the rules of a repository as JSON"))
        take = self.action("import", self._import, "put rules that were exported in the place of others")
        _repository(take)
        take.add_argument("file", metavar="FILE", help="what export printed; - for stdin")
        change = self.action("set", self._set, "change what is given, and leave the other rules as they are")
        _repository(change)
        rules_given.declare(change)
        attempt = self.action("try", self._try, "tell what the last downloads would have met")
        _repository(attempt)
        attempt.add_argument(
            "--days", type=rules_given.whole(1, 3650), default=30, metavar="N", help="of so many days; 30"
        )
        attempt.add_argument("--file", metavar="FILE", help="rules as export prints them, instead of the own")
        rules_given.declare(attempt)
        self._declare_passes()

    def _declare_passes(self) -> None:
        let = self.action("pass", self._pass, "let one version through, whatever the rules say")
        _repository(let)
        let.add_argument("release", metavar="RELEASE", help="NAME==VERSION")
        let.add_argument(
            "--until", required=True, metavar="DATE", help="2026-11-21, good to its end, or with a time"
        )
        let.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept in the journal")
        end = self.action("end", self._end, "end a pass, or take an approval back")
        _repository(end)
        end.add_argument("release", metavar="RELEASE", help="NAME==VERSION, or NAME for an approval")
        approve = self.action("approve", self._approve, "approve a name that nobody here has used")
        _repository(approve)
        approve.add_argument("project", metavar="NAME")
        approve.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept in the journal")

    def _show(self, options: Options) -> None:
        one = repositories.repository(options["repository"])
        self._tell(options, one)

    def _export(self, options: Options) -> None:
        rules = repositories.repository(options["repository"]).rules
        self.stdout.write(json.dumps(rules.told(), indent=2))

    def _import(self, options: Options) -> None:
        self._save(options, _from_file(options["file"]))

    def _set(self, options: Options) -> None:
        if not rules_given.any_of(options):
            self.wrong_usage("There is nothing to change; `localshop policy set --help` lists what can be.")
        known = repositories.repository(options["repository"]).rules
        self._save(options, rules_given.changed(known, options))

    def _try(self, options: Options) -> None:
        one = repositories.repository(options["repository"])
        base = _from_file(options["file"]) if options["file"] else one.rules
        found = rehearse(one, rules_given.changed(base, options), days=options["days"], now=time.time())
        self.show(options, _rehearsed(found), _in_words(found))

    def _pass(self, options: Options) -> None:
        name, version = _release(options["release"])
        if not version:
            raise BadInput(f"{options['release']!r} names no version: a pass is for NAME==VERSION.")
        given = policies.let_through(
            options["repository"],
            name,
            version,
            until=date_of(options["until"]),
            reason=options["reason"],
            now=time.time(),
            actor=_ME,
        )
        sentence = f"{given.project} {given.version} is let through until {_until(given)}."
        self.show(options, _pass(given), sentence)

    def _approve(self, options: Options) -> None:
        given = policies.approve(
            options["repository"],
            options["project"],
            rule=FirstSeen.name,
            reason=options["reason"],
            actor=_ME,
        )
        self.show(options, _pass(given), f"{given.project} is approved.")

    def _end(self, options: Options) -> None:
        name, version = _release(options["release"])
        rule = "" if version else FirstSeen.name
        ended = policies.end_pass(options["repository"], name, version, rule=rule, actor=_ME)
        what = (
            f"The pass for {ended.project} {ended.version}" if version else f"The approval of {ended.project}"
        )
        self.show(options, _pass(ended), f"{what} has ended.")

    def _save(self, options: Options, rules: Rules) -> None:
        policies.save_rules(options["repository"], rules, actor=_ME)
        self._tell(options, repositories.repository(options["repository"]))

    def _tell(self, options: Options, one: RepositoryRecord) -> None:
        passes = policies.passes(one.id, now=time.time())
        shape = {
            "repository": one.slug,
            "rules": one.rules.told(),
            "passes": [_pass(each) for each in passes],
        }
        rows = [(name, told.get("mode", "-"), _facts(told)) for name, told in one.rules.told().items()]
        none = f"Repository {one.slug!r} has no rules: it shows everything but what is known to be malicious."
        text = table(("rule", "mode", "what"), rows, none=none)
        if passes:
            heads = ("let through", "version", "until", "reason", "by")
            lines = [(each.project, each.version, _until(each), each.reason, each.who) for each in passes]
            text += "\n\n" + table(heads, lines, none="")
        self.show(options, shape, text)


def _repository(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repository", metavar="REPOSITORY")


def _from_file(name: str) -> Rules:
    """Rules as ``export`` prints them; raises ``BadInput``."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        return read(json.loads(text))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{name!r} cannot be read as JSON: {error}.") from None


def _release(text: str) -> tuple[str, str]:
    name, _, version = text.partition("==")
    return name.strip(), version.strip()


def _facts(told: Shape) -> str:
    facts = {name: value for name, value in told.items() if name != "mode"}
    words = [", ".join(value) if isinstance(value, list) else str(value) for value in facts.values()]
    names = [f"{name}: {word}" for name, word in zip(facts, words, strict=True) if word]
    return "; ".join(names)


def _until(one: PassRecord) -> str:
    return written(one.until) if one.until is not None else "for good"


def _pass(one: PassRecord) -> Shape:
    return {
        "project": one.project,
        "version": one.version,
        "rule": one.rule or None,
        "until": written(one.until) if one.until is not None else None,
        "reason": one.reason,
        "who": one.who,
        "created": moment(one.created),
    }


def _rehearsed(found: Rehearsed) -> Shape:
    return {
        "since": f"{found.since}",
        "downloads": found.downloads,
        "refused": found.refused,
        "met": [
            {
                "project": one.project,
                "version": one.version,
                "rule": one.verdict.rule,
                "slug": one.verdict.slug,
                "sentence": one.verdict.sentence,
                "enforced": not one.verdict.watched,
                "downloads": one.downloads,
                "last": f"{one.last}",
            }
            for one in found.met
        ],
    }


def _in_words(found: Rehearsed) -> str:
    total = f"Of {found.downloads} downloads since {found.since}, {found.refused} would have been refused."
    if not found.met:
        return total
    heads = ("project", "version", "rule", "mode", "downloads", "last", "why")
    rows = [
        (
            one.project,
            one.version,
            one.verdict.rule,
            "watched" if one.verdict.watched else "enforced",
            one.downloads,
            one.last,
            one.verdict.sentence,
        )
        for one in found.met
    ]
    return f"{total}\n\n{table(heads, rows, none='')}"
