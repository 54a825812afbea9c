"""What a page shows: stored files as they were first seen, the upstream's newest word, nothing hidden."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localshop.policies.judge import Judge
from localshop.policies.records import Case
from localshop.policies.rules import read
from localshop.protocol.document import Document, Entry
from localshop.shelf.assemble import Own, Parts, assemble

BASE = "/repo/default/"


def entry(filename="demo-1.0-py3-none-any.whl", path="aa/bb/cccc", **says):
    return Entry(filename=filename, url=f"https://up.example/{filename}", path=path, **says)


def page(*told, own=(), metadata=None, document=True, rules=None, now=0.0, case=None, **more):
    case = Case("demo", **(case or {}))
    parts = Parts(
        name="demo",
        base=BASE,
        own=own,
        document=Document(name="demo", files=tuple(told)) if document else None,
        metadata=metadata or {},
        judge=Judge(read(rules or {}), case),
        **more,
    )
    return assemble(parts, now).page


def test_urls_are_ours_and_encoded_once():
    [file] = page(entry("demo-1.0+local-py3-none-any.whl")).files
    assert file.url == "/repo/default/packages/aa/bb/cccc/demo-1.0%2Blocal-py3-none-any.whl"


def test_a_yank_upstream_reaches_a_file_that_is_stored():
    """PEP 592: a mirror must not go on showing as good what was withdrawn."""
    stored = Own(entry(sha256="a" * 64, size=5), stored=True)
    [file] = page(entry(yanked="bad"), own=[stored]).files
    assert (file.yanked, file.sha256, file.size) == ("bad", "a" * 64, 5)


def test_other_bytes_under_the_same_name_do_not_replace_what_is_stored():
    """A release that was swapped upstream is not what people here have tested."""
    stored = Own(entry(sha256="a" * 64), stored=True)
    [file] = page(entry(path="dd/ee/ffff", sha256="b" * 64), own=[stored]).files
    assert file.sha256 == "a" * 64
    assert "aa/bb/cccc" in file.url


def test_a_file_that_was_only_asked_for_binds_nothing():
    asked = Own(entry(sha256="a" * 64), stored=False)
    [file] = page(entry(path="dd/ee/ffff", sha256="b" * 64), own=[asked]).files
    assert file.sha256 == "b" * 64


def test_offline_only_what_is_here_is_shown():
    stored = Own(entry(sha256="a" * 64), stored=True)
    shown = page(entry(), entry("demo-2.0.tar.gz"), own=[stored], offline=True)
    assert [file.filename for file in shown.files] == ["demo-1.0-py3-none-any.whl"]
    assert shown.versions == ("1.0",)


def test_metadata_is_announced_only_where_it_will_be_served():
    """pip and uv give up on an announced .metadata that is missing."""
    whl, sdist = entry(), entry("demo-1.0.tar.gz")
    stored = Own(entry(sha256="a" * 64), stored=True)
    place = (whl.path, whl.filename)

    assert [file.core_metadata for file in page(whl, sdist).files] == [True, False]
    assert page(entry(core_metadata="d" * 64)).files[0].core_metadata == "d" * 64
    assert page(whl, metadata={place: "e" * 64}).files[0].core_metadata == "e" * 64
    assert page(own=[stored], offline=True).files[0].core_metadata is False
    assert page(own=[stored], document=False).files[0].core_metadata is False
    assert page(own=[stored], offline=True, metadata={place: "e" * 64}).files[0].core_metadata == "e" * 64


def test_a_quarantined_project_shows_nothing_not_even_its_versions():
    shown = page(entry(), case={"status": "quarantined", "status_reason": "malware"})
    assert (shown.files, shown.versions) == ((), ())
    assert (shown.status, shown.status_reason) == ("quarantined", "malware")


filenames = st.sampled_from(["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz", "demo-2.0.tar.gz"])
paths = st.sampled_from(["aa/bb/cccc", "dd/ee/ffff"])
entries = st.builds(entry, filenames, paths, sha256=st.sampled_from(["a" * 64, "b" * 64, None]))


@given(
    told=st.lists(entries, max_size=4, unique_by=lambda one: one.filename),
    own=st.lists(st.builds(Own, entries, st.booleans()), max_size=4),
    offline=st.booleans(),
)
def test_of_one_file_name_there_is_one_file_and_nothing_stored_is_lost(told, own, offline):
    shown = [file.filename for file in page(*told, own=own, offline=offline).files]
    assert len(shown) == len(set(shown))
    assert {one.entry.filename for one in own if one.stored} <= set(shown)
