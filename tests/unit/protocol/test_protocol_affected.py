"""An advisory hides the versions that it names: none more, which would break builds, and none less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from localshop.protocol.affected import EVERYTHING, Affected, Union, read_affected


def affected(*events, versions=(), kind="ECOSYSTEM"):
    return read_affected([{"ranges": [{"type": kind, "events": list(events)}], "versions": list(versions)}])


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        (
            [{"introduced": "0"}, {"fixed": "1.2"}],
            ["0.dev0", "1.1", "1.2rc1", "1.1+cpu"],
            ["1.2", "1.2.0", "2"],
        ),
        (
            [{"introduced": "1"}, {"last_affected": "1.5"}],
            ["1", "1.5", "1.5.0", "1.5+cu118"],
            ["0.9", "1.5.1"],
        ),
        ([{"introduced": "0"}], ["0", "99!1", "1.0.dev1"], []),
        (
            [{"fixed": "2.1"}, {"introduced": "2"}, {"introduced": "1"}, {"fixed": "1.5"}],
            ["1.4", "2.0.1"],
            ["1.5", "1.9", "2.1", "0.1"],
        ),
        ([{"introduced": "1"}, {"fixed": "1.2+patched"}], ["1.2", "1.2+a"], ["1.2+patched", "1.3"]),
        ([{"introduced": "1"}, {"limit": "*"}], ["1", "7"], ["0.1"]),
    ],
)
def test_ranges_are_read_as_osv_evaluates_them(events, inside, outside):
    """A bound that is off by one leaves a hole, or hides the release with the mend."""
    one = affected(*events)

    assert [version for version in inside if not one.holds(version)] == []
    assert [version for version in outside if one.holds(version)] == []


def test_versions_are_compared_as_pep_440_does():
    """File names spell versions in several ways; an attacker would choose the one that is not listed."""
    one = affected({"introduced": "5"}, versions=["1.0", "2.0rc1"])

    assert all(one.holds(version) for version in ("1.0", "1", "1.0.0", "v1.0", "1.0+local", "2.0-rc.1"))
    assert not any(one.holds(version) for version in ("1.0.post1", "2.0", "1.0rc1"))


def test_what_pep_440_does_not_know_is_hidden_where_everything_is():
    """An old file name is no way around an advisory about the whole project."""
    assert EVERYTHING.holds("2004d-final")
    assert EVERYTHING.holds("")
    assert not affected({"introduced": "0"}, {"fixed": "3000"}).holds("2004d-final")
    assert affected({"introduced": "9"}, versions=["2004d-final"]).holds("2004d-final")


@pytest.mark.parametrize(
    "events",
    [
        [{"introduced": "0"}, {"fixed": "not a version"}],
        [{"fixed": "1"}],
        [{"introduced": "0", "fixed": "1"}],
        [{"introduced": 1}],
        ["introduced"],
        [],
    ],
)
def test_a_range_that_cannot_be_read_is_left_out(events):
    """One that was half read would hide what it does not name."""
    assert affected(*events) is None
    assert affected(*events, versions=["1.0"]) == Affected(versions=frozenset({"1.0"}))


def test_ranges_of_commits_are_none_of_versions():
    """Commits are no versions, though some of them can be read as one."""
    assert affected({"introduced": "0"}, {"fixed": "1234567"}, kind="GIT") is None


def test_an_advisory_with_endless_versions_is_refused():
    """A feed that is broken must not fill our memory."""
    with pytest.raises(ValueError, match="more than"):
        affected({"introduced": "0"}, versions=[str(number) for number in range(30_000)])


VERSIONS = st.builds(
    lambda release, suffix: ".".join(map(str, release)) + suffix,
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
    st.sampled_from(["", "a1", "rc2", ".dev1", ".post1", "+local"]),
)
KINDS = st.sampled_from(["introduced", "fixed", "last_affected"])
EVENTS = st.lists(st.tuples(KINDS, VERSIONS.filter(lambda text: "+" not in text)), max_size=6)
MANY = st.builds(
    lambda events, versions: Affected(((("introduced", "0"), *events),), frozenset(versions)),
    EVENTS,
    st.lists(VERSIONS, max_size=2),
)


def by_the_book(one, text):
    """As OSV's documentation writes the evaluation down, event by event."""
    version = Version(Version(text).public)
    if any(Version(named) in (version, Version(text)) for named in one.versions):
        return True
    kinds = ["fixed", "introduced", "last_affected"]
    for events in one.ranges:
        known = [(kind, Version("0.dev0" if at == "0" else at)) for kind, at in events]
        inside = False
        for kind, at in sorted(known, key=lambda event: (event[1], kinds.index(event[0]))):
            if kind == "introduced" and version >= at:
                inside = True
            elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
                inside = False
        if inside:
            return True
    return False


@given(st.lists(MANY, max_size=5), st.lists(VERSIONS, min_size=1, max_size=10))
def test_all_at_once_is_the_same_as_one_by_one(every, texts):
    """The judge asks for all advisories at once, because there may be hundreds: he must not see others."""
    union = Union(every)

    for text in texts:
        assert union.holds(text) == any(one.holds(text) for one in every)
        assert [one.holds(text) for one in every] == [by_the_book(one, text) for one in every]


@given(MANY)
def test_it_is_kept_as_it_was_read(one):
    """What is written to the database decides later: it must come back whole."""
    assert Affected.of(one.told()) == one
