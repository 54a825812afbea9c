"""A file and its form, as the door hands them to be examined."""

from __future__ import annotations

import hashlib

import pytest

from localshop.uploads.examine import Claim, Measured, examine


def measure(body: bytes) -> Measured:
    return Measured(
        size=len(body),
        md5=hashlib.md5(body).hexdigest(),
        sha256=hashlib.sha256(body).hexdigest(),
        blake2b_256=hashlib.blake2b(body, digest_size=32).hexdigest(),
    )


@pytest.fixture(scope="session")
def judge(tmp_path_factory):
    """Examine a file; what the form says is right unless the test says otherwise."""
    place = tmp_path_factory.mktemp("uploads") / "arrived"

    def judge_it(filename, body, *, options=None, **said):
        place.write_bytes(body)
        measured = measure(body)
        form = {
            "filename": filename,
            "filetype": "bdist_wheel" if ".whl" in filename else "sdist",
            "name": "demo",
            "version": "1.0",
            "metadata_version": "2.1",
            "digests": {"sha256": measured.sha256},
        }
        return examine(place, Claim(**form | said), measured, **(options or {}))

    return judge_it
