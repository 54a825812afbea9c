"""Two spellings of one file: a build must not get one or the other, as it happens."""

from __future__ import annotations

import pytest

from localshop.uploads.twins import twin_of


@pytest.mark.parametrize(
    ("filename", "other", "same"),
    [
        ("demo-1.0.tar.gz", "Demo-1.0.tar.gz", True),
        ("demo-1.0.tar.gz", "demo-1.0.0.tar.gz", True),
        ("demo-1.0.tar.gz", "demo-1.0.zip", True),
        ("demo-1.0.tar.gz", "demo-1.1.tar.gz", False),
        ("demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl", False),
        ("demo-1.0-py2.py3-none-any.whl", "demo-1.0-py3.py2-none-any.whl", True),
        ("demo-1.0-1-py3-none-any.whl", "demo-1.0-py3-none-any.whl", False),
        ("demo-1.0-py3-none-any.whl", "demo-1.0-py3-none-any.whl", False),
        ("demo-1.0-py3-none-any.whl", "garbage", False),
        ("garbage", "garbage2", False),
    ],
)
def test_what_is_the_same_file_in_other_letters(filename, other, same):
    assert twin_of(filename, [other]) == (other if same else None)
