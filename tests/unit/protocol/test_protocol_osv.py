"""What is read of OSV's records and of their zip: all that is good in it, and nothing that is not."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol import osvzip
from localshop.protocol.affected import EVERYTHING
from localshop.protocol.osv import LARGEST, Unreadable, level, read
from localshop.protocol.osvzip import BadZip, records
from osv_records import HIGH, LOW, packed, record


def told(*args, **more):
    return read(json.dumps(record(*args, **more)).encode())


def test_names_are_normalised_and_other_ecosystems_left_out():
    """An advisory about ``Foo.Bar`` hides ``foo-bar``, and one about npm's package hides nothing."""
    other = {"package": {"ecosystem": "npm", "name": "evil"}, "versions": ["1.0"]}
    affected = [*record("X-1", "Foo.Bar", fixed="2")["affected"], other]

    assert set(told("X-1", "Foo.Bar", affected=affected).affected) == {"foo-bar"}


def test_an_advisory_that_was_withdrawn_is_about_nothing():
    """What was a mistake must not go on hiding packages."""
    one = told("X-1", "demo", withdrawn="2026-11-21T00:00:00Z")

    assert one.affected == {}
    assert one.withdrawn


def test_a_malicious_package_without_versions_is_all_of_it():
    """Of a package that was made to do harm every version does."""
    affected = [{"package": {"ecosystem": "PyPI", "name": "evil"}}]

    assert told("MAL-2026-1", "evil", affected=affected).affected == {"evil": EVERYTHING}
    assert told("PYSEC-2026-1", "evil", affected=affected).affected == {}


@pytest.mark.parametrize(
    ("more", "score", "word"),
    [
        ({"vector": HIGH}, 7.5, "high"),
        ({"vector": LOW}, 1.8, "low"),
        ({"vector": LOW, "database_specific": {"severity": "CRITICAL"}}, 1.8, "low"),
        ({"database_specific": {"severity": "MODERATE"}}, 6.9, "medium"),
        ({"vector": "CVSS:3.1/AV:N", "database_specific": {"severity": "HIGH"}}, 8.9, "high"),
        (
            {"severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H"}]},
            None,
            "",
        ),
        ({}, None, ""),
    ],
)
def test_severity_comes_from_the_vector_else_from_the_word(more, score, word):
    """Who hides from "high" on has to know what that is, also where only a word is told."""
    one = told("X-1", "demo", **more)

    assert one.severity == score
    assert level(one.severity) == word


def test_the_highest_of_several_scores_counts():
    """Two scales rate one fault differently; the careful one is taken."""
    full = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
    both = [{"type": "CVSS_V3", "score": LOW}, {"type": "CVSS_V4", "score": full}]

    assert told("X-1", "demo", severity=both).severity == 9.3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"id": "../x", "modified": "2026-01-01T00:00:00Z"}',
        b'{"id": "X-1"}',
    ],
)
def test_what_is_no_record_is_refused(body):
    """Ids end up in URLs and messages."""
    with pytest.raises(Unreadable):
        read(body)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["id", "affected", "severity", "aliases", "withdrawn"]), JSON_VALUES))
def test_anything_at_all_is_read_or_refused(more):
    """One odd record among 25,000 must not end the import with a traceback."""
    with contextlib.suppress(Unreadable):
        read(json.dumps({**record("X-1", "demo"), **more}).encode())


def test_a_zip_gives_its_records_and_tells_of_bad_ones():
    """One damaged record is no reason to be without the others."""
    held = packed(record("X-1", "demo"), big=b" " * (LARGEST + 1))

    bodies = list(records(io.BytesIO(held)))

    assert json.loads(bodies[0])["id"] == "X-1"
    assert bodies[1] is None


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_zip_ends_in_a_sentence(place, value):
    """A download that was cut, or a disk that is going."""
    held = bytearray(packed(record("X-1", "demo"), record("X-2", "demo")))
    held[-1 - place % len(held)] = value

    with contextlib.suppress(BadZip):
        list(records(io.BytesIO(bytes(held))))


@pytest.mark.parametrize("body", [b"", b"PK", b"<html>not found</html>" * 100])
def test_what_is_no_zip_is_refused(body):
    """A proxy's error page is not taken for "no advisories"."""
    with pytest.raises(BadZip):
        list(records(io.BytesIO(body)))


def test_a_list_of_members_that_would_fill_the_memory_is_refused_unread(monkeypatch):
    """All of it would be in memory before the first record is."""
    held = packed(*(record(f"X-{number}", "demo") for number in range(50)))
    monkeypatch.setattr(osvzip, "_LARGEST_DIRECTORY", 1000)

    with pytest.raises(BadZip, match="list of its members"):
        list(records(io.BytesIO(held)))


def test_the_same_where_its_length_stands_in_the_64_bit_record(monkeypatch):
    """OSV's zip will have more than 65,535 members one day; a hostile one says so to be believed."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        for number in range(3):
            archive.writestr(f"X-{number}.json", json.dumps(record(f"X-{number}", "demo")))
    body = bytearray(held.getvalue())
    struct.pack_into("<L", body, len(body) - 10, 0xFFFFFFFF)

    assert len(list(records(io.BytesIO(bytes(body))))) == 3
    monkeypatch.setattr(osvzip, "_LARGEST_DIRECTORY", 10)
    with pytest.raises(BadZip, match="list of its members"):
        list(records(io.BytesIO(bytes(body))))


def test_more_than_anybody_would_publish_is_refused(monkeypatch):
    """A bomb unpacks to a multiple of what came."""
    held = packed(*(record(f"X-{number}", "demo") for number in range(20)))
    monkeypatch.setattr(osvzip, "_LARGEST_TOTAL", 2000)
    with pytest.raises(BadZip, match="bytes"):
        list(records(io.BytesIO(held)))

    monkeypatch.setattr(osvzip, "MOST_RECORDS", 5)
    with pytest.raises(BadZip, match="records"):
        list(records(io.BytesIO(held)))
