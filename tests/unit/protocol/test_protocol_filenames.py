"""File names: the right project is found for a cold URL, and no name escapes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol import filenames, names


@pytest.mark.parametrize(
    ("filename", "project", "version", "kind"),
    [
        ("numpy-2.5.5-cp315-cp315t-win_arm64.whl", "numpy", "2.5.5", "wheel"),
        ("Foo.Bar-1.0-1-py2.py3-none-any.whl", "foo-bar", "1.0", "wheel"),
        ("demo-3.0+local.1-py3-none-any.whl", "demo", "3.0+local.1", "wheel"),
        ("foo_bar-1!1.0.post1.tar.gz", "foo-bar", "1!1.0.post1", "sdist"),
        ("foo-bar-1.0-beta.zip", "foo-bar", "1.0-beta", "sdist"),
        ("python-2-foo-1.0.tar.gz", "python-2-foo", "1.0", "sdist"),
        ("foo-1.0-1.tgz", "foo", "1.0-1", "sdist"),
    ],
)
def test_a_file_name_is_read(filename: str, project: str, version: str, kind: filenames.Kind) -> None:
    wanted = filenames.FileName(filename, project, version, kind)
    assert filenames.parse(filename, project) == wanted
    assert filenames.parse(filename) == wanted


@pytest.mark.parametrize(
    "filename",
    [
        "a-1.0-py2.4.egg",
        "a-1.0.exe",
        "a.tar.gz",
        "a-1.0.whl",
        "a-1.0-py3-none-any.whl.metadata",
        "",
        "a-b.zip",
    ],
)
def test_other_files_are_nobodys(filename: str) -> None:
    assert filenames.parse(filename) is None
    assert filenames.candidates(filename) == ()


def test_a_file_of_another_project_is_not_taken_for_this_ones() -> None:
    assert filenames.parse("foo-bar-1.0.tar.gz", "foo") is None
    assert filenames.parse("foo-1.0.tar.gz", "foo-bar") is None


def test_an_ambiguous_name_gives_its_projects_likeliest_first() -> None:
    assert filenames.candidates("foo-1-1.tar.gz") == ("foo", "foo-1")
    assert filenames.candidates("a-1-2-3-4-5-6-7-8-9.tar.gz")[0] == "a-1-2-3-4-5-6-7"
    assert len(filenames.candidates("a-1-2-3-4-5-6-7-8-9.tar.gz")) == 5


@pytest.mark.parametrize(
    "filename",
    [
        *("", ".", "..", ".hidden", "-rf", "a/b", "a\\b", "a\0", "a\n", "a b", "a%2fb", "a?b", "a#b", "a;b"),
        *("é", "a\u2028", "a" * 256, "a.whl.metadata", "a.whl.provenance", 'a"b', "a<b"),
    ],
)
def test_an_unsafe_name_is_refused(filename: str) -> None:
    assert not filenames.is_safe(filename)


@given(
    st.text(alphabet=st.sampled_from("aB1.-_+!é/\n"), max_size=40), st.sampled_from([".whl", ".tar.gz", ""])
)
def test_any_name_is_answered_without_an_error(stem: str, suffix: str) -> None:
    found = filenames.parse(stem + suffix)
    names_found = filenames.candidates(stem + suffix)
    assert (found is not None) == bool(names_found)
    if found:
        assert found.project == names_found[0]
        assert filenames.is_safe(found.filename)
        for name in names_found:
            assert names.is_normalised(name)
            assert filenames.parse(found.filename, name) is not None
