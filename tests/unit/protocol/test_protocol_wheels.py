"""METADATA by ranges: the very bytes that are in the wheel, few requests, and no lies believed."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol.wheels import NotReadable, metadata_of, metadata_ranges

NAME = "Demo_Pkg-1.0-py3-none-any.whl"
MEMBER = "demo_pkg-1.0.dist-info/METADATA"


def wheel(
    metadata: bytes = b"Metadata-Version: 2.1\n",
    *,
    member: str = MEMBER,
    method: int = zipfile.ZIP_DEFLATED,
    comment: bytes = b"",
    zip64: bool = False,
    others: int = 1,
    filler: int = 0,
    last: bool = True,
) -> bytes:
    """Build a wheel with its METADATA first or last; the filler does not compress."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.comment = comment

        def put() -> None:
            info = zipfile.ZipInfo(member)
            info.compress_type = method
            with archive.open(info, "w", force_zip64=zip64) as target:
                target.write(metadata)

        if not last:
            put()
        for number in range(others):
            archive.writestr(f"demo/{number}.py", random.Random(number).randbytes(filler))
        if last:
            put()
    return file.getvalue()


def read(data: bytes, filename: str = NAME) -> tuple[bytes, list[tuple[int, int]]]:
    asked = []
    ranges = metadata_ranges(filename, len(data))
    try:
        span = next(ranges)
        while True:
            asked.append(span)
            assert 0 <= span[0] < span[1] <= len(data)
            span = ranges.send(data[slice(*span)])
    except StopIteration as end:
        return end.value, asked


@given(
    metadata=st.binary(max_size=3000),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    comment=st.binary(max_size=50) | st.just(b"c" * 65535),
    zip64=st.booleans(),
    others=st.integers(0, 5),
    filler=st.sampled_from([0, 100, 30_000]),
    last=st.booleans(),
    before=st.binary(max_size=20),
)
def test_the_bytes_are_those_of_the_wheel(metadata: bytes, before: bytes, **shape) -> None:
    data = before + wheel(metadata, **shape)
    assert read(data)[0] == metadata
    assert metadata_of(io.BytesIO(data), NAME) == metadata


def test_one_more_range_is_enough_for_a_large_wheel() -> None:
    metadata = random.Random(1).randbytes(50_000)
    found, asked = read(wheel(metadata, others=40, filler=10_000, last=False))
    assert found == metadata
    assert len(asked) == 2
    assert sum(stop - start for start, stop in asked) < 150_000


def test_a_large_directory_takes_three_ranges() -> None:
    found, asked = read(wheel(b"x" * 99, others=3000, filler=10, last=False))
    assert found == b"x" * 99
    assert len(asked) <= 3


def test_a_directory_that_needs_zip64_is_read() -> None:
    data = wheel(b"metadata", others=66_000)
    assert b"PK\6\6" in data
    assert read(data)[0] == b"metadata"


def test_offsets_and_sizes_in_zip64_fields_are_read() -> None:
    """Such fields stand in wheels over 4 GiB; here they are written by hand around small values."""
    metadata, name = b"Name: demo\n", MEMBER.encode()
    data = wheel(metadata, method=zipfile.ZIP_STORED, others=0)
    crc = zipfile.crc32(metadata)
    local_size = data.index(b"PK\1\2")
    extra = struct.pack("<2H3Q", 1, 24, len(metadata), len(metadata), 0)
    full = 0xFFFFFFFF
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 0, 0, 0, crc, full, full, len(name), len(extra), 0, 0, 0, 0, full
    )
    directory = entry + name + extra
    end64 = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(directory), local_size
    ) + struct.pack("<4sLQL", b"PK\6\7", 0, local_size + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, full, full, 0)
    assert read(data[:local_size] + directory + end64 + end)[0] == metadata


@pytest.mark.parametrize(
    "member", ["other-1.0.dist-info/METADATA", "demo_pkg-2.0.dist-info/METADATA", "x/" + MEMBER, "METADATA"]
)
def test_metadata_of_something_else_is_refused(member: str) -> None:
    with pytest.raises(NotReadable):
        read(wheel(member=member))


def test_spellings_of_name_and_version_do_not_matter() -> None:
    assert read(wheel(b"x", member="Demo.Pkg-1.0.0.dist-info/METADATA"))[0] == b"x"
    data = wheel(b"y", member="demo-3.0_local.1.dist-info/METADATA")
    assert read(data, "demo-3.0+local.1-py3-none-any.whl")[0] == b"y"


def test_two_metadata_files_are_refused() -> None:
    file = io.BytesIO(wheel())
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(MEMBER, b"other")
    with pytest.raises(NotReadable, match="2 METADATA files"):
        read(file.getvalue())


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(NotReadable, match="too large"):
        read(wheel(b"\0" * (8 * 2**20 + 1)))
    data = bytearray(wheel(b"\0" * 2**20))
    at = data.index(b"PK\1\2", data.index(MEMBER.encode()))
    at = data.rindex(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<L", 10)
    with pytest.raises(NotReadable, match="do not fit"):
        read(bytes(data))


def test_a_flipped_byte_is_noticed() -> None:
    data = wheel(b"Name: demo\n", method=zipfile.ZIP_STORED).replace(b"Name: demo", b"Name: evil")
    with pytest.raises(NotReadable, match="do not fit"):
        read(data)


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"<html>", wheel()[:-1], wheel() + b"x", b"PK\5\6" + b"\xff" * 18]
)
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(NotReadable):
        read(data)


@given(st.integers(0, 10_000), st.integers(0, 255), st.booleans())
def test_damage_never_gives_other_metadata(at: int, value: int, zip64: bool) -> None:
    data = bytearray(wheel(b"Name: demo\n" * 9, zip64=zip64))
    data[at % len(data)] = value
    with suppress(NotReadable):
        assert read(bytes(data))[0] == b"Name: demo\n" * 9


def test_a_short_answer_is_refused() -> None:
    ranges = metadata_ranges(NAME, 1000)
    next(ranges)
    with pytest.raises(NotReadable, match="were asked for"):
        ranges.send(b"short")


def test_only_wheels_are_read() -> None:
    with pytest.raises(NotReadable, match="not the name of a wheel"):
        next(metadata_ranges("demo-1.0.tar.gz", 1000))
