"""What must not be published is refused, by the check that is meant for it, in a sentence for people."""

from __future__ import annotations

import hashlib
import tracemalloc

import pytest

from bad_distributions import (
    CORPUS,
    INFO,
    METADATA,
    ROOT,
    SDIST,
    WHEEL,
    deflate_zeros,
    sdist,
    wheel,
    wheel_with,
)
from localshop.errors import UploadRefused
from localshop.uploads.examine import Limits
from raw_archives import Part, file, gzipped, tar_of


@pytest.mark.parametrize(
    ("filename", "body", "slug"), [pytest.param(*rest, id=name) for name, *rest in CORPUS]
)
def test_a_bad_distribution_is_refused(judge, filename: str, body: bytes, slug: str) -> None:
    with pytest.raises(UploadRefused) as refused:
        judge(filename, body)
    assert refused.value.slug == slug
    # The sentence goes into the reason phrase of an answer, so it has one line.
    assert refused.value.sentence.isprintable()
    assert len(refused.value.sentence) < 500
    assert refused.value.link == "" or refused.value.link.startswith("https://")


@pytest.mark.parametrize(
    ("said", "slug"),
    [
        ({"name": "other"}, "name-mismatch"),
        ({"name": "demo\n"}, "name-invalid"),
        ({"name": "d" * 201}, "name-invalid"),
        ({"name": ""}, "name-invalid"),
        ({"name": "de\u212ao"}, "name-invalid"),
        ({"version": "1.1"}, "version-mismatch"),
        ({"version": "one"}, "version-invalid"),
        ({"version": "1.0" + ".0" * 200}, "version-invalid"),
        ({"version": "1.0po\u017ft1"}, "version-invalid"),
        ({"metadata_version": "3.0"}, "metadata-version"),
        ({"filetype": "bdist_egg"}, "file-type"),
        ({"filetype": "sdist"}, "file-type"),
        ({"filetype": ""}, "file-type"),
        ({"filename": "../" + WHEEL}, "file-name-unsafe"),
        ({"filename": "demo-1.0-py3-none-any\0.whl"}, "file-name-unsafe"),
        ({"filename": ""}, "file-name-unsafe"),
        ({"filename": ".demo-1.0.tar.gz", "filetype": "sdist"}, "file-name-unsafe"),
        ({"filename": "demo-1.0-py3-none-any.WHL"}, "file-extension"),
        ({"filename": "demo-1.0-py3.7-none-any.whl"}, "file-name-invalid"),
        ({"digests": {"md5": "0" * 32}}, "digest-wrong"),
        ({"digests": {"sha256": "0" * 64}}, "digest-wrong"),
        ({"digests": {"blake2_256": "0" * 64}}, "digest-wrong"),
        ({"digests": {"sha256": "0" * 63}}, "digest-malformed"),
        ({"digests": {"sha256": ""}}, "digest-malformed"),
        ({"digests": {"sha256": "z" * 64}}, "digest-malformed"),
        ({"digests": {"md5": "dGVzdA=="}}, "digest-malformed"),
        ({"digests": {"crc": "00"}}, "digest-malformed"),
    ],
)
def test_a_form_that_does_not_fit_its_file_is_refused(judge, said, slug: str) -> None:
    with pytest.raises(UploadRefused) as refused:
        judge(**{"filename": WHEEL, "body": wheel()} | said)
    assert refused.value.slug == slug


def test_one_wrong_digest_among_right_ones_is_refused(judge) -> None:
    body = wheel()
    digests = {"sha256": hashlib.sha256(body).hexdigest(), "md5": "0" * 32}
    with pytest.raises(UploadRefused, match="changed on its way"):
        judge(WHEEL, body, digests=digests)


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        (wheel(more="demo/gone.py,,\n"), "record-absent"),
        (wheel({f"{INFO}/RECORD": f"{INFO}/RECORD,,\n".encode()}), "record-unlisted"),
        (wheel({f"{INFO}/RECORD": b"demo/__init__.py,sha256=AAAA,6\n"}), "record-digest"),
        (wheel_with(Part("demo/listed_without_digest.py", b"")), "record-digest"),
    ],
)
def test_a_record_that_does_not_fit_is_shown_or_by_choice_refused(judge, body: bytes, slug: str) -> None:
    assert slug in [remark.slug for remark in judge(WHEEL, body).remarks]
    with pytest.raises(UploadRefused) as refused:
        judge(WHEEL, body, options={"strict_record": True})
    assert refused.value.slug == slug


@pytest.mark.parametrize("size", [999, 1000])
def test_the_limit_on_metadata_is_exact(judge, size: int) -> None:
    body = wheel({f"{INFO}/METADATA": METADATA.ljust(1000, b"x")})
    packed = gzipped(tar_of([file(f"{ROOT}/PKG-INFO", METADATA.ljust(1000, b"x"))]))
    for filename, archive in ((WHEEL, body), (SDIST, packed)):
        if size < 1000:
            with pytest.raises(UploadRefused, match="999 are allowed"):
                judge(filename, archive, options={"limits": Limits(metadata=size)})
        else:
            assert judge(filename, archive, options={"limits": Limits(metadata=size)})


def test_a_large_member_passes_through_in_pieces(judge) -> None:
    """Sixteen uploads of gigabytes at a time do not fill the memory."""
    size = 60 * 2**20
    zeros = Part("demo/zeros", packed=deflate_zeros(size), local={"size": size}, central={"size": size})
    packed = sdist(file(f"{ROOT}/ones", b"1" * size))
    wheel_body = wheel_with(zeros)
    tracemalloc.start()
    try:
        with pytest.raises(UploadRefused, match="checksum"):
            judge(WHEEL, wheel_body)
        judge(SDIST, packed)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
