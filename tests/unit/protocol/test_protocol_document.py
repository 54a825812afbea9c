"""The stored document: what was packed comes back, and nothing else is taken for one."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol.document import Document, Entry, moment_of, pack, unpack, with_first_seen

TEXT = st.text(max_size=10)
# Beyond 64 bits a number is read as the nearest float.
INTEGERS = st.integers(-(2**63), 2**64 - 1)
JSON_VALUES = st.recursive(st.none() | st.booleans() | INTEGERS | TEXT, st.lists, max_leaves=4)
EXTRA = st.dictionaries(TEXT, JSON_VALUES, max_size=2)
ENTRIES = st.builds(
    Entry,
    filename=TEXT,
    url=TEXT,
    path=TEXT,
    sha256=st.none() | TEXT,
    size=st.none() | st.integers(min_value=0),
    yanked=st.booleans() | TEXT,
    core_metadata=st.booleans() | TEXT,
    extra=EXTRA,
    seen=st.none() | st.floats(0, 4e9),
)


@given(
    st.builds(
        Document, name=TEXT, files=st.lists(ENTRIES, max_size=3).map(tuple), status_reason=TEXT, extra=EXTRA
    )
)
def test_a_document_survives_being_stored(document: Document) -> None:
    assert unpack(pack(document)) == document


@pytest.mark.parametrize(
    "data",
    [b"", b"x", zlib.compress(b"{"), zlib.compress(b"[]"), zlib.compress(b"[2,[],[]]"), zlib.compress(b"7")],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        unpack(data)


NOW = 1_780_000_000.0
PAST, TO_COME = "2020-01-02T03:04:05.5Z", "2099-01-01T00:00:00Z"


def page(*times):
    files = (Entry(f"demo-{n}.zip", "u", f"p{n}", upload_time=time) for n, time in enumerate(times))
    return Document("demo", tuple(files))


def test_only_where_the_upload_time_is_of_no_use_is_it_noted_when_a_file_was_seen():
    """The pages of PyPI, which tell all times, are kept as they are: another document is another page."""
    known = page(PAST, "2026-01-01T00:00:00Z")
    assert with_first_seen(known, None, changed=0.0, now=NOW) is known
    noted = with_first_seen(page(PAST, None, TO_COME), None, changed=0.0, now=NOW)
    assert [entry.seen for entry in noted.files] == [None, NOW, NOW]


def test_what_was_seen_first_stays_however_often_the_page_is_read():
    """Else a cooldown would begin anew with every release."""
    first = with_first_seen(page(None, TO_COME), None, changed=0.0, now=NOW)
    again = with_first_seen(page(None, TO_COME, None), first, changed=NOW, now=NOW + 1000)
    assert [entry.seen for entry in again.files] == [NOW, NOW, NOW + 1000]
    # Its time has come meanwhile; it was seen before all the same.
    later = with_first_seen(page(None, "2026-09-01T00:00:00Z"), first, changed=NOW, now=NOW + 1e8)
    assert [entry.seen for entry in later.files] == [NOW, NOW]


def test_a_page_of_an_older_localshop_was_seen_when_it_last_changed():
    old = page(None)
    assert with_first_seen(page(None), old, changed=NOW - 5000, now=NOW).files[0].seen == NOW - 5000


def test_the_moment_of_an_upload_time():
    assert moment_of(PAST) == 1_577_934_245.5
    assert moment_of(None) is None
