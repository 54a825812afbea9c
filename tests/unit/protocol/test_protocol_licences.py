"""The licence that a METADATA tells, as an expression, where a machine can read it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol.licences import LONGEST, licence_of

MIT = "Classifier: License :: OSI Approved :: MIT License"
APPROVED = "Classifier: License :: OSI Approved"
BSD = "Classifier: License :: OSI Approved :: BSD License"


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (["License-Expression: mit or apache-2.0"], "MIT OR Apache-2.0"),
        (["License-Expression: MIT", "License: GPL-3.0-only"], "MIT"),
        (["License-Expression: whatever", "License: ISC"], "ISC"),
        (["License: MIT"], "MIT"),
        (["License: The whole text of some licence"], ""),
        (["License: see LICENSE", MIT], "MIT"),
        ([APPROVED, MIT], "MIT"),
        ([MIT, BSD], ""),
        ([BSD], ""),
        (["License: MIT", "License: ISC"], ""),
        (["Classifier: License :: Other/Proprietary License"], ""),
        (["", "License: MIT"], ""),
        ([], ""),
    ],
)
def test_what_is_told(lines, licence):
    head = ["Metadata-Version: 2.4", "Name: demo", "Version: 1.0"]
    assert licence_of("\r\n".join([*head, *lines, "", "License: GPL-3.0-only"]).encode()) == licence


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"License: {text}".encode()))
def test_whatever_is_in_it(metadata):
    """An upstream's METADATA may be anything."""
    assert len(licence_of(metadata)) <= LONGEST


def test_a_flood_of_brackets_is_no_licence():
    assert licence_of(b"License-Expression: " + b"(" * 100_000 + b"MIT" + b")" * 100_000) == ""
