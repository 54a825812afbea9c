"""The stored document: what was packed comes back, and nothing else is taken for one."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol.document import Document, Entry, pack, unpack

TEXT = st.text(max_size=10)
JSON_VALUES = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, st.lists, max_leaves=4)
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
