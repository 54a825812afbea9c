"""The judge: whether a file is shown, or hidden, and then why and until when.

He is asked alike for the page, the bytes, the metadata and by whoever fetches, so they cannot differ. In
this order:

1. A project that is quarantined (PEP 792) shows nothing.
2. A version that somebody holds back by hand is hidden, also from an older pass.
3. A pass lets its version through, whatever the rules say, until its time. Only what an advisory calls
   malicious that came after the pass is hidden all the same.
4. What is blocked by its very name, and whatever else the allow list does not lift, is hidden.
5. The allow list is an exception to all other rules.
6. All other rules hide what they hide. If several do, the one that lasts longest answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from packaging.version import Version

from localshop.protocol.filenames import version_or_none

from .advisories import Advisories
from .block import Block
from .records import FOR_GOOD, SHOWN, Case, Hold, Pass, Subject, Verdict
from .rule import Rule
from .rules import Rules


class Judge:
    """Judges the files of one project by the rules of its repository."""

    __slots__ = (
        *("_allow", "_allowed", "_beyond", "_enforced", "_firm", "_held", "_holding", "_let", "_passes"),
        *("_plain", "_watched", "case"),
    )

    def __init__(self, rules: Rules, case: Case) -> None:
        self.case = case
        self._passes: dict[Version | str, list[Pass]] = {}
        for one in case.passes:
            if not one.rule:
                self._passes.setdefault(_release(one.version), []).append(one)
        # A pass for one rule alone approves the whole project, for good.
        approved = {one.rule for one in case.passes if one.rule}
        about = [part for rule in rules.in_force if rule.name not in approved for part in rule.about(case)]
        self._enforced = [rule for rule in about if rule.mode == "enforced"]
        self._watched = [rule for rule in about if rule.mode == "watched"]
        self._firm = [rule for rule in self._enforced if not rule.lifted_by_allow]
        self._allow = [entry for entry in rules.allow if entry.names(case.project)]
        self._plain = not self._passes and not self._allow
        # Nearly all files of a release ask the same, and to read a version takes longer than all the rest.
        self._allowed: dict[str, bool] = {}
        self._let: dict[str, list[Pass]] = {}
        self._beyond: dict[tuple[frozenset[str], bool], list[Rule]] = {}
        self._held: dict[str, Hold | None] = {}
        self._holding = {_release(one.version): one for one in case.holds}

    @property
    def idle(self) -> bool:
        """Whether no rule says anything of the project's files: then only its status counts."""
        return not self._enforced and not self._watched and not self.case.holds

    @property
    def lenient(self) -> bool:
        """Whether he hides nothing, whatever he is told of a file."""
        return not self._enforced and not self.case.holds and self.case.status != "quarantined"

    @property
    def watches(self) -> bool:
        """Whether there are rules that only say what they would hide."""
        return bool(self._watched)

    def learn(self, versions: Collection[str]) -> None:
        """Look at all versions of the project together, before its files are asked for one by one."""
        if self._allow:
            held: set[str] = set()
            allowed = held.union(*(entry.among(versions, unreadable=False) for entry in self._allow))
            self._allowed.update((version, version in allowed) for version in versions)
        for rule in self._enforced:
            if isinstance(rule, Block):
                rule.learn(versions)

    def until(self, subject: Subject, now: float) -> float:
        """Until when the file is hidden, at least; ``SHOWN``: it is not, ``FOR_GOOD``: no end is known."""
        if self.case.status == "quarantined" or (self._holding and self._hold(subject) is not None):
            return FOR_GOOD
        for rule in self._applied(subject, now, self._enforced):
            until = rule.until(subject, now)
            if until:
                return until
        return SHOWN

    def verdict(self, subject: Subject, now: float) -> Verdict | None:
        """The verdict that hides a file; None: it is shown. Of several, the one that lasts longest."""
        if not self.until(subject, now):
            return None
        found = [one for one in self.verdicts(subject, now) if not one.watched]
        return max(found, key=lambda one: FOR_GOOD if one.until is None else one.until)

    def verdicts(self, subject: Subject, now: float) -> Iterator[Verdict]:
        """All that is said of a file: what hides it, and what would, by rules that are only watched."""
        if self.case.status == "quarantined":
            yield _quarantined(self.case)
        hold = self._hold(subject)
        if hold is not None:
            yield _held(self.case, subject, hold)
        for rules in (self._enforced, self._watched):
            for rule in self._applied(subject, now, rules):
                until = rule.until(subject, now)
                if until:
                    slug, sentence = rule.reason(self.case, subject)
                    ends = until if until < FOR_GOOD else None
                    yield Verdict(slug, sentence, rule.name, ends, watched=rule.mode == "watched")

    def pass_for(self, subject: Subject, now: float) -> Pass | None:
        """The pass that lets a file through now."""
        let = self._let.get(subject.version)
        if let is None:
            let = [*self._passes.get(_release(subject.version), ()), *self._passes.get("", ())]
            self._let[subject.version] = let
        for one in let:
            if one.until is None or now < one.until:
                return one
        return None

    def turns(self, now: float) -> float:
        """When the next pass ends."""
        ends = (one.until for passes in self._passes.values() for one in passes if one.until is not None)
        return min((until for until in ends if now < until), default=FOR_GOOD)

    def _hold(self, subject: Subject) -> Hold | None:
        """The hold on a version; most files of a release ask the same."""
        if subject.version not in self._held:
            self._held[subject.version] = self._holding.get(_release(subject.version))
        return self._held[subject.version]

    def _applied(self, subject: Subject, now: float, rules: list[Rule]) -> list[Rule]:
        """The rules that are left when passes and the allow list were looked at."""
        if self._plain:
            return rules
        let = self.pass_for(subject, now) if self._passes else None
        if let is not None:
            return self._unknown_to(let, enforced=rules is self._enforced)
        if self._allow and self._is_allowed(subject.version):
            return (
                self._firm if rules is self._enforced else [one for one in rules if not one.lifted_by_allow]
            )
        return rules

    def _unknown_to(self, let: Pass, *, enforced: bool) -> list[Rule]:
        """What a pass does not lift, because nobody knew of it when it was given."""
        key = (let.knowing, enforced)
        found = self._beyond.get(key)
        if found is None:
            rules = self._enforced if enforced else self._watched
            later = (one.beyond(let.knowing) for one in rules if isinstance(one, Advisories))
            found = self._beyond[key] = [one for one in later if one is not None]
        return found

    def _is_allowed(self, version: str) -> bool:
        known = self._allowed.get(version)
        if known is None:
            known = any(entry.holds(version, unreadable=False) for entry in self._allow)
            self._allowed[version] = known
        return known


def _quarantined(case: Case) -> Verdict:
    # PEP 792: "The index MUST NOT offer any distributions for a quarantined project."
    reason = f": {case.status_reason}" if case.status_reason else "."
    return Verdict("quarantined", f"{case.project} is quarantined{reason}", "status")


def _release(version: str) -> Version | str:
    """What tells a release from others: ``1.0`` and ``1.0.0`` are one."""
    return version_or_none(version) or version


def _held(case: Case, subject: Subject, hold: Hold) -> Verdict:
    return Verdict("held", f"{case.project} {subject.version} is held back: {hold.reason}", "hold")
