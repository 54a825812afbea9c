"""Each rule by itself: what it hides, until when, and what it says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from localshop.errors import BadInput
from localshop.policies.judge import Judge
from localshop.policies.listed import listed
from localshop.policies.reading import moment, written
from localshop.policies.records import FOR_GOOD, SHOWN, Case, Subject
from localshop.policies.rules import KINDS, NO_RULES, read, stored

DAY = 86_400
NOW = moment("2026-06-01T12:00:00Z")
times = st.floats(min_value=0, max_value=4e9)


def subject(version="1.0", kind="wheel", **told):
    name = f"demo-{version}-py3-none-any.whl" if kind == "wheel" else f"demo-{version}.tar.gz"
    return Subject(name, version, kind, **told)


def until(rules, told, *, now=NOW, **case):
    return Judge(read(rules), Case("demo", **case)).until(told, now)


def hides(rules, told, **more):
    return until(rules, told, **more) > 0


@given(uploaded=times, days=st.integers(1, 365), offset=st.floats(-1e7, 1e7))
def test_a_cooldown_ends_exactly_after_its_days(uploaded, days, offset):
    ends = uploaded + days * DAY
    now = ends + offset
    found = until({"cooldown": {"days": days}}, subject(uploaded=uploaded), now=now)
    assert found == (ends if now < ends else SHOWN)


@given(uploaded=st.none() | times, seen=st.none() | times, now=times)
def test_a_cooldown_never_counts_from_later_than_when_it_was_seen(uploaded, seen, now):
    """An upstream whose clock is wrong can hide a release for its days, and not for ever."""
    rules = {"cooldown": {"days": 7}}
    found = until(rules, subject(uploaded=uploaded, seen=seen), now=now)
    known = [one for one in (uploaded, seen) if one is not None]
    if not known:
        assert found == FOR_GOOD
    else:
        assert found == (min(known) + 7 * DAY if now < min(known) + 7 * DAY else SHOWN)


def test_what_is_still_to_come_counts_as_now():
    """Were its age negative and something compared otherwise, it would be shown at once."""
    assert hides({"cooldown": {"days": 1}}, subject(uploaded=NOW + 10 * DAY))
    assert hides({"freeze": {"date": "2026-05-01"}}, subject(uploaded=NOW + 10 * DAY))


@pytest.mark.parametrize("rule", [{"cooldown": {"days": 7}}, {"freeze": {"date": "2026-01-01"}}])
@pytest.mark.parametrize("case", [{}, {"private": True, "used": True}])
def test_private_projects_are_exempt_from_what_looks_at_times(rule, case):
    assert hides(rule, subject(uploaded=NOW), **case) == (not case)


def test_a_freeze_takes_in_the_whole_day_that_it_names():
    """`--freeze 2026-01-01` means what uv's `--exclude-newer 2026-01-01` means."""
    rules = {"freeze": {"date": "2026-01-01"}}
    for text, hidden in (("2026-01-01T23:59:59.9Z", False), ("2026-01-02T00:00:00Z", True)):
        assert hides(rules, subject(uploaded=moment(text))) == hidden
    assert hides(rules, subject())
    assert until(rules, subject(uploaded=NOW)) == FOR_GOOD


def test_the_sentence_of_a_cooldown_says_when_and_by_whose_clock():
    judge = Judge(read({"cooldown": {"days": 7}}), Case("demo"))
    told = judge.verdict(subject(uploaded=NOW), NOW + DAY)
    assert (told.slug, told.rule, told.until) == ("cooldown", "cooldown", NOW + 7 * DAY)
    assert "2026-06-08T12:00:00Z" in told.sentence
    assert "was uploaded 2026-06-01T12:00:00Z" in told.sentence
    assert "was first seen here" in judge.verdict(subject(seen=NOW), NOW).sentence


@pytest.mark.parametrize(
    ("entry", "version", "hidden"),
    [
        ("demo", "1.0", True),
        ("Demo", "1.0", True),
        ("demo<2", "1.0", True),
        ("demo<2", "2.0", False),
        ("demo>=1,<2", "1.5rc1", True),
        ("demo==1.*", "1.5", True),
        ("demo==1.0", "1.0.0", True),
        ("demo!=1.0", "1.0", False),
        ("demo<2", "not-pep-440", True),
        ("dem*", "1.0", True),
        ("de*<2", "2.0", False),
        ("*", "1.0", True),
        ("demonstration", "1.0", False),
        ("demo-*", "1.0", False),
    ],
)
def test_block_entries_are_names_and_versions_as_in_pep_440(entry, version, hidden):
    assert hides({"block": {"entries": [entry]}}, subject(version)) == hidden
    assert hides({"block": {"entries": [entry]}}, subject(version), private=True, used=True) == hidden


def test_what_has_no_version_that_can_be_read_is_not_let_through_by_one():
    """On the block list it is hidden, on the allow list it is not shown: both are the careful answer."""
    rules = {"kinds": {"hide": ["wheel"]}, "allow": {"entries": ["demo>=1"]}}
    assert not hides(rules, subject("1.0"))
    assert hides(rules, subject("2004d"))


@given(
    name=st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True),
    star=st.booleans(),
    spec=st.sampled_from(["", "<2", ">=1.0,<3", "==1.*", "~=1.4", "!=2.0.0", "===weird"]),
)
def test_an_entry_is_written_as_it_is_read(name, star, spec):
    entry = listed(f"{name}{'*' if star else ''}{spec}")
    assert listed(str(entry)) == entry


@given(st.text(max_size=20))
def test_any_text_is_an_entry_or_is_refused_with_a_sentence(text):
    try:
        entry = listed(text)
    except BadInput:
        return
    assert listed(str(entry)) == entry


versions = st.builds(
    "{}.{}{}".format, st.integers(0, 3), st.integers(0, 3), st.sampled_from(["", "rc1", "+x"])
)


@given(version=versions, spec=st.sampled_from(["<2", ">=1.1", "==1.*", "~=1.0", "!=2.0"]))
def test_versions_of_a_block_are_those_of_the_standards_library(version, spec):
    wanted = SpecifierSet(spec).contains(Version(version), prereleases=True)
    assert hides({"block": {"entries": [f"demo{spec}"]}}, subject(version)) == wanted


@pytest.mark.parametrize(
    ("rules", "told", "case", "slug"),
    [
        ({"yanked": {}}, {"yanked": True}, {}, "yanked"),
        ({"yanked": {}}, {"yanked": "broken"}, {"private": True, "used": True}, "yanked"),
        ({"yanked": {}}, {"yanked": False}, {}, None),
        ({"gone": {}}, {"gone": NOW}, {}, "gone-upstream"),
        ({"gone": {}}, {"gone": None}, {}, None),
        ({"kinds": {"hide": ["sdist"]}}, {"kind": "sdist"}, {}, "kind"),
        ({"kinds": {"hide": ["sdist"]}}, {"kind": "wheel"}, {}, None),
        ({"kinds": {"hide": ["sdist"]}}, {"kind": "sdist"}, {"private": True, "used": True}, None),
        ({"first-seen": {}}, {}, {}, "first-seen"),
        ({"first-seen": {}}, {}, {"used": True}, None),
        ({"licences": {"unknown": "hide"}}, {}, {}, "licence-unknown"),
        ({"licences": {"unknown": "hide"}}, {}, {"private": True, "used": True}, None),
        ({"licences": {"deny": ["GPL-*"]}}, {"licence": "GPL-2.0-only"}, {}, "licence"),
    ],
)
def test_the_plain_rules(rules, told, case, slug):
    found = Judge(read(rules), Case("demo", **case)).verdict(subject(**told), NOW)
    assert (found.slug if found is not None else None) == slug
    if found is not None:
        assert "demo" in found.sentence
        assert found.sentence.endswith(("broken", "."))


@pytest.mark.parametrize(
    ("licence", "shown"),
    [
        ("MIT", True),
        ("Apache-2.0", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only AND (MIT OR Apache-2.0)", False),
        ("(MIT OR GPL-3.0-only) AND (Apache-2.0 OR GPL-3.0-only)", True),
        ("GPL-3.0-only OR MIT AND Apache-2.0", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", True),
        ("GPL-2.0-only", False),
        ("BSD-3-Clause", True),
        ("LicenseRef-Ours", False),
        ("", True),
    ],
)
def test_expressions_of_licences(licence, shown):
    allow = ["mit", "Apache-2.0", "BSD-*", "GPL-2.0-only WITH Classpath-exception-2.0"]
    assert hides({"licences": {"allow": allow}}, subject(licence=licence)) == (not shown)


@given(
    st.recursive(
        st.sampled_from(["MIT", "ISC", "Zlib"]), lambda inner: st.tuples(inner, inner, st.booleans())
    )
)
def test_any_expression_means_what_its_words_mean(tree):
    def text(node):
        if isinstance(node, str):
            return node
        return f"({text(node[0])} {'AND' if node[2] else 'OR'} {text(node[1])})"

    def means(node):
        if isinstance(node, str):
            return node != "Zlib"
        one, other = means(node[0]), means(node[1])
        return one and other if node[2] else one or other

    assert hides({"licences": {"deny": ["Zlib"]}}, subject(licence=text(tree))) == (not means(tree))


def test_rules_are_what_their_json_says_and_say_it_again():
    """What is exported can be imported, elsewhere and later."""
    told = {
        "licences": {"allow": ["MIT"], "deny": [], "unknown": "hide", "mode": "watched"},
        "block": {"entries": ["evil", "urllib3<2"], "mode": "enforced"},
        "cooldown": {"days": 7, "mode": "enforced"},
        "freeze": {"date": "2026-01-02T00:00:00Z", "mode": "watched"},
        "kinds": {"hide": ["sdist"], "mode": "enforced"},
        "allow": {"entries": ["good>=1"]},
        "advisories": {"malicious": "show", "mode": "enforced"},
        "vulnerable": {"severity": "high", "mode": "watched"},
        **{name: {"mode": "enforced"} for name in ("yanked", "gone", "first-seen")},
    }
    assert set(told) == {*KINDS, "allow"}
    rules = read(json.loads(json.dumps(told)))
    assert rules.told() == told
    assert read(rules.told()) == rules
    assert read({"cooldown": {"days": 7}}).told() == {"cooldown": {"days": 7, "mode": "enforced"}}


def test_other_rules_have_another_mark_and_no_rules_have_none():
    """A page that was made by other rules is not taken for one by these."""
    assert NO_RULES.mark == ""
    marks = {
        read({"cooldown": {"days": days, "mode": mode}}).mark
        for days in (1, 2)
        for mode in ("enforced", "watched")
    }
    assert len(marks) == 4
    assert "" not in marks


@pytest.mark.parametrize(
    "told",
    [
        [],
        {"cooldwn": {}},
        {"cooldown": 7},
        {"cooldown": {}},
        {"cooldown": {"days": 0}},
        {"cooldown": {"days": True}},
        {"cooldown": {"days": 7, "hours": 1}},
        {"cooldown": {"days": 7, "mode": "off"}},
        {"freeze": {"date": "yesterday"}},
        {"freeze": {}},
        {"block": {"entries": "evil"}},
        {"block": {"entries": ["-evil"]}},
        {"block": {"entries": ["evil<"]}},
        {"kinds": {"hide": []}},
        {"kinds": {"hide": ["egg"]}},
        {"licences": {"allow": ["MIT OR ISC"]}},
        {"licences": {"allow": ["mine"]}},
        {"licences": {"unknown": "maybe"}},
        {"allow": {"entries": [1]}},
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(told):
    with pytest.raises(BadInput) as found:
        read(told)
    assert found.value.sentence.endswith(".")


def test_a_rule_of_a_newer_localshop_is_left_out_of_what_was_stored():
    assert stored({"cooldown": {"days": 7}, "vibes": {"bad": True}}) == read({"cooldown": {"days": 7}})


def test_a_moment_is_written_so_that_what_it_ends_has_ended_then():
    assert written(moment("2026-06-01T12:00:00.250000Z")) == "2026-06-01T12:00:01Z"
    assert moment("2026-06-01T14:00:00+02:00") == moment("2026-06-01T12:00:00")
