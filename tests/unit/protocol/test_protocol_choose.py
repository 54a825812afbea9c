"""Choosing files: the one that pip on that machine would take."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from localshop.protocol.choose import Rules, choose
from localshop.protocol.document import Entry
from localshop.protocol.targets import target

LINUX = target("3.11.4", "manylinux_2_28_x86_64")


def entry(filename, **says):
    return Entry(filename, f"https://files.example/{filename}", "aa/bb/cccc", **says)


def pick(*entries, specifier="", **rules):
    found = choose(
        [one if isinstance(one, Entry) else entry(one) for one in entries],
        "demo",
        LINUX,
        Rules(SpecifierSet(specifier), **rules),
    )
    return found and found.entry.filename


WHEELS = [f"demo-{version}-py3-none-any.whl" for version in ("1.0", "1.10", "1.9", "2.0rc1")]


@pytest.mark.parametrize(
    ("specifier", "rules", "wanted"),
    [
        ("", {}, "1.10"),
        ("<1.10", {}, "1.9"),
        ("==1.0", {}, "1.0"),
        ("===1.0", {}, "1.0"),
        ("", {"prereleases": True}, "2.0rc1"),
        (">=2.0rc1", {}, "2.0rc1"),
        (">1.10", {}, "2.0rc1"),
        ("~=1.0", {}, "1.10"),
    ],
)
def test_the_newest_release_that_matches(specifier, rules, wanted):
    assert pick(*WHEELS, specifier=specifier, **rules) == f"demo-{wanted}-py3-none-any.whl"


def test_nothing_that_matches_is_none():
    assert pick(*WHEELS, specifier="==7") is None
    assert pick() is None


def test_a_release_without_a_usable_file_is_passed_over():
    """Else the newest one would be brought home, and the machine could not use it."""
    assert pick("demo-2.0-cp311-cp311-win32.whl", "demo-1.0.tar.gz") == "demo-1.0.tar.gz"


def test_a_wheel_is_better_than_an_sdist_and_the_usual_sdist_than_another():
    assert pick("demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl") == "demo-1.0-py3-none-any.whl"
    assert pick("demo-1.0.zip", "demo-1.0.tar.bz2", "demo-1.0.tar.gz") == "demo-1.0.tar.gz"
    assert pick("demo-1.0.tar.lz") is None


def test_the_best_wheel_of_several():
    names = ["py3-none-any", "cp311-cp311-manylinux2014_x86_64", "cp39-abi3-manylinux2014_x86_64"]
    wheels = [f"demo-1.0-{tag}.whl" for tag in names]
    assert pick(*wheels) == pick(*reversed(wheels)) == wheels[1]


def test_only_wheels_takes_an_older_wheel_instead_of_a_newer_sdist():
    files = ["demo-2.0.tar.gz", "demo-1.0-py3-none-any.whl"]
    assert pick(*files) == files[0]
    assert pick(*files, only_wheels=True) == files[1]


@pytest.mark.parametrize(
    ("requires", "fits"),
    [(">=3.8", True), (">=3.12", False), (">=3.11.5", False), ("nonsense", True), ("", True)],
)
def test_the_python_must_be_one_that_the_file_takes(requires, fits):
    assert bool(pick(entry("demo-1.0-py3-none-any.whl", requires_python=requires))) == fits


def test_a_yanked_release_is_taken_only_when_it_is_named_exactly():
    """PEP 592."""
    files = [entry(WHEELS[0]), entry(WHEELS[1], yanked="broken")]
    assert pick(*files) == WHEELS[0]
    assert pick(*files, specifier=">1.0") is None
    assert pick(*files, specifier="==1.10.*") is None
    assert pick(*files, specifier="==1.10") == WHEELS[1]


def test_digests_narrow_what_may_be_and_a_file_without_one_may():
    a, b = "a" * 64, "b" * 64
    files = [entry(WHEELS[0], sha256=a), entry(WHEELS[1], sha256=b)]
    assert pick(*files, sha256=frozenset({a})) == WHEELS[0]
    assert pick(*files, sha256=frozenset({"c" * 64})) is None
    assert pick(entry(WHEELS[2]), *files, sha256=frozenset({a})) == WHEELS[2]


def test_names_and_versions_that_are_none_are_passed_over():
    assert pick("demo-dev-py3-none-any.whl", "other-9.0.tar.gz", "demo-2004d.tar.gz", WHEELS[0]) == WHEELS[0]
