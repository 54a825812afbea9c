"""The judge: which rule wins, what passes and the allow list lift, and what he says of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localshop.policies.judge import Judge
from localshop.policies.records import FOR_GOOD, Case, Finding, Pass, Subject
from localshop.policies.rules import NO_RULES, read
from localshop.protocol.affected import EVERYTHING

NOW = 1_780_000_000.0
DAY = 86_400
WHEEL = Subject("demo-1.0-py3-none-any.whl", "1.0", "wheel", uploaded=NOW - DAY)


def judge(rules, *passes, **case):
    return Judge(read(rules), Case("demo", used=True, passes=passes, **case))


def slug(one, told=WHEEL, now=NOW):
    verdict = one.verdict(told, now)
    return verdict.slug if verdict is not None else None


def test_without_rules_everything_is_shown():
    one = Judge(NO_RULES, Case("demo"))
    assert (one.verdict(WHEEL, NOW), one.lenient, one.idle) == (None, True, True)


def test_a_quarantined_project_shows_nothing_whatever_is_allowed():
    """PEP 792: "The index MUST NOT offer any distributions for a quarantined project." """
    case = {"status": "quarantined", "status_reason": "malware"}
    one = judge({"allow": {"entries": ["demo"]}}, Pass("1.0", None), **case)
    verdict = one.verdict(WHEEL, NOW)
    assert (verdict.slug, verdict.until) == ("quarantined", None)
    assert verdict.sentence == "demo is quarantined: malware"
    assert not one.lenient


def test_precedence():
    """A pass beats an exact block, that the allow list, that a block of many names and all other rules."""
    exact, many = {"entries": ["demo"]}, {"entries": ["*"]}
    allow = {"entries": ["demo"]}
    let = Pass("1.0", NOW + 1)
    assert slug(judge({"block": exact})) == "blocked"
    assert slug(judge({"block": exact, "allow": allow})) == "blocked"
    assert slug(judge({"block": exact, "allow": allow}, let)) is None
    assert slug(judge({"block": many})) == "blocked"
    assert slug(judge({"block": many, "allow": allow})) is None
    assert slug(judge({"cooldown": {"days": 7}, "allow": allow})) is None
    assert slug(judge({"cooldown": {"days": 7}}, let)) is None
    mixed = {"block": {"entries": ["*", "demo==2.0"]}, "allow": allow}
    assert slug(judge(mixed)) is None
    assert slug(judge(mixed), WHEEL._replace(version="2.0")) == "blocked"


def test_a_pass_lifts_no_advisory_that_came_after_it():
    """Whoever gave it did not know; what he knew, he let through."""
    findings = [Finding(name, EVERYTHING, malicious=True) for name in ("MAL-1", "MAL-2")]
    let = Pass("1.0", NOW + 10, knowing=frozenset({"MAL-1"}))
    assert slug(judge({}, let, findings=findings[:1])) is None
    one = judge({}, let, findings=findings)
    assert "MAL-2" in one.verdict(WHEEL, NOW).sentence
    assert slug(judge({}, let._replace(knowing=frozenset({"MAL-1", "MAL-2"})), findings=findings)) is None
    assert slug(judge({}, Pass("1.0", NOW + 10), findings=findings)) == "malicious"


def test_a_pass_is_for_its_version_until_its_end():
    one = judge({"block": {"entries": ["demo"]}}, Pass("1.0.0", NOW + 10, reason="a fix"))
    assert slug(one) is None
    assert one.pass_for(WHEEL, NOW).reason == "a fix"
    assert one.turns(NOW) == NOW + 10
    assert slug(one, now=NOW + 10) == "blocked"
    assert one.turns(NOW + 10) == FOR_GOOD
    assert slug(one, WHEEL._replace(version="1.0.1")) == "blocked"


def test_of_two_passes_the_longer_one_counts():
    passes = [Pass("1.0", NOW - 5), Pass("1.0.0", NOW + 5)]
    assert slug(judge({"block": {"entries": ["demo"]}}, *passes)) is None


def test_an_approval_lifts_its_rule_alone():
    rules = read({"first-seen": {}, "yanked": {}})
    one = Judge(rules, Case("demo", passes=[Pass("", None, rule="first-seen")]))
    assert slug(one) is None
    assert slug(one, WHEEL._replace(yanked=True)) == "yanked"


def test_of_several_rules_the_one_that_lasts_longest_answers():
    """Else one would wait for the end of a cooldown, and then be refused for another reason."""
    one = judge({"cooldown": {"days": 7}, "yanked": {}})
    assert slug(one) == "cooldown"
    told = WHEEL._replace(yanked=True)
    assert slug(one, told) == "yanked"
    assert [each.slug for each in one.verdicts(told, NOW)] == ["cooldown", "yanked"]


def test_a_watched_rule_hides_nothing_and_says_what_it_would():
    one = judge({"cooldown": {"days": 7, "mode": "watched"}})
    assert slug(one) is None
    assert one.lenient
    assert one.watches
    (said,) = one.verdicts(WHEEL, NOW)
    assert (said.slug, said.watched) == ("cooldown", True)
    assert (
        list(judge({"cooldown": {"days": 7, "mode": "watched"}}, Pass("1.0", NOW + 1)).verdicts(WHEEL, NOW))
        == []
    )


RULES = {
    "block": {"entries": ["demo<1", "demo==2.0", "d*>=3"]},
    "first-seen": {},
    "freeze": {"date": "2026-05-20"},
    "cooldown": {"days": 7},
    "gone": {},
    "yanked": {},
    "kinds": {"hide": ["sdist"]},
    "licences": {"deny": ["GPL-*"]},
}
some_rules = st.dictionaries(st.sampled_from(list(RULES)), st.sampled_from(["enforced", "watched"])).map(
    lambda chosen: {name: RULES[name] | {"mode": mode} for name, mode in chosen.items()}
)
moments = st.floats(NOW - 30 * DAY, NOW + 30 * DAY)
told_of = st.builds(
    Subject,
    st.just("demo"),
    st.sampled_from(["0.9", "1.0", "2.0", "3.0", "old"]),
    st.sampled_from(["wheel", "sdist"]),
    uploaded=st.none() | moments,
    seen=st.none() | moments,
    yanked=st.booleans(),
    licence=st.sampled_from(["", "MIT", "GPL-3.0-only"]),
    gone=st.none() | moments,
)
passes = st.lists(st.builds(Pass, st.sampled_from(["1.0", "2.0.0", "3"]), st.none() | moments), max_size=2)
cases = st.builds(Case, st.just("demo"), private=st.booleans(), used=st.booleans(), passes=passes)


@given(rules=some_rules, case=cases, subject=told_of, now=moments, allow=st.booleans())
def test_all_that_he_is_asked_agrees(rules, case, subject, now, allow):
    """The page asks ``until``, the bytes ask ``verdict``, the explanation ``verdicts``."""
    one = Judge(read(rules | ({"allow": {"entries": ["demo>=2"]}} if allow else {})), case)
    until, verdict = one.until(subject, now), one.verdict(subject, now)
    enforced = [each for each in one.verdicts(subject, now) if not each.watched]
    assert (until > 0) == (verdict is not None) == bool(enforced)
    if verdict is not None:
        assert verdict in enforced
        assert until > now
        ends = [FOR_GOOD if each.until is None else each.until for each in enforced]
        assert (FOR_GOOD if verdict.until is None else verdict.until) == max(ends)
    assert not (one.lenient and verdict)


@given(rules=some_rules, case=cases, subject=told_of, now=moments, later=st.floats(0, 60 * DAY))
def test_nothing_changes_before_the_time_that_is_told(rules, case, subject, now, later):
    """A page says until when it is good; until then no file of it may turn."""
    one = Judge(read(rules), case)
    turns = min(one.turns(now), one.until(subject, now) or FOR_GOOD)
    if now + later < turns:
        assert (one.until(subject, now + later) > 0) == (one.until(subject, now) > 0)
