"""JSON, quickly: what is written can be read, whatever an upstream put in, and strangers can read it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol import quickjson

# Halves of surrogate pairs come out of JSON's escapes.
TEXT = st.text(st.characters(), max_size=5) | st.just("\ud800")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(VALUES.filter(lambda value: "inf" not in repr(value)))
def test_what_is_written_is_read_by_us_and_by_others(value: object) -> None:
    """A page that cannot be written down is an error for each client that asks for it."""
    written = quickjson.dumps(value)
    assert quickjson.loads(written) == value
    assert json.loads(written) == value


def test_a_number_beyond_all_bounds_is_written_as_it_is() -> None:
    assert quickjson.dumps({"x": 2**70}) == b'{"x":1180591620717411303424}'


@pytest.mark.parametrize("text", ["", "{", "[1,]", "{'a':1}", "\ufeff{}"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        quickjson.loads(text)
