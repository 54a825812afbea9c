"""Whatever is sent: it is refused in order, or it means the same to other readers as to us."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bad_distributions import INFO, METADATA, ROOT, SDIST, WHEEL, members_of, streamed, wheel
from localshop.errors import UploadRefused
from localshop.uploads.examine import Examined
from raw_archives import Part, block, file, gzipped, pax, raw_zip, symlink, tar_of

WHEELS = [
    wheel(),
    wheel(wide={}, comment=b"a comment"),
    raw_zip([streamed(name, data) for name, data in members_of().items()]),
]
TAR = tar_of(
    [file(f"{ROOT}/{'long/' * 30}x", b"long"), file(f"{ROOT}/PKG-INFO", METADATA), symlink(f"{ROOT}/y", "x")]
)

edits = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 8), st.binary(max_size=8)),
    min_size=1,
    max_size=4,
)


def edited(body: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """Cut some bytes out of a file and put others in their place."""
    for place, length, instead in changes:
        at = int(place * len(body))
        body = body[:at] + instead + body[at + length :]
    return body


def judged(judge, filename: str, body: bytes, **said) -> Examined | None:
    """Examine; None for a refusal, which has a slug and one printable line."""
    refused = None
    try:
        return judge(filename, body, **said)
    except UploadRefused as error:
        refused = error
    assert refused.slug
    assert refused.sentence.isprintable()
    return None


@given(
    filename=st.text() | st.from_regex(r"[dD]emo[-_.](1[.0-9a-z+!-]*)(-py3-none-any\.whl|\.tar\.gz|\.zip)")
)
def test_any_file_name(judge, filename: str) -> None:
    for filetype in ("bdist_wheel", "sdist"):
        examined = judged(judge, filename, wheel(), filetype=filetype)
        assert examined is None or examined.filename == filename


@given(
    name=st.text(),
    version=st.text(),
    metadata_version=st.text(),
    digests=st.dictionaries(st.text(), st.text()),
)
def test_any_form(judge, **said) -> None:
    judged(judge, WHEEL, wheel(), **said)


@given(body=st.sampled_from(WHEELS), changes=edits)
def test_a_changed_wheel_is_refused_or_read_alike_by_others(judge, body: bytes, changes) -> None:
    body = edited(body, changes)
    examined = judged(judge, WHEEL, body)
    if examined is not None:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert archive.testzip() is None
            assert archive.read(f"{INFO}/METADATA") == examined.metadata


@given(changes=edits)
def test_a_changed_sdist_is_refused_or_read_alike_by_others(judge, changes) -> None:
    body = gzipped(edited(TAR, changes))
    examined = judged(judge, SDIST, body)
    if examined is not None:
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            member = archive.extractfile(f"{ROOT}/PKG-INFO")
            assert member is not None
            assert member.read() == examined.metadata


@given(body=st.binary(max_size=200))
@pytest.mark.parametrize("filename", [WHEEL, SDIST, "demo-1.0.zip"])
def test_any_bytes(judge, filename: str, body: bytes) -> None:
    assert judged(judge, filename, body) is None


@given(changes=edits, records=st.dictionaries(st.sampled_from(["path", "size", "linkpath", "a"]), st.text()))
def test_any_pax_header(judge, changes, records) -> None:
    header = edited(
        pax(**{key: value.encode("utf-8", "replace").decode() for key, value in records.items()}), changes
    )
    tar = block("x", kind=tarfile.XHDTYPE, data=header) + tar_of([file(f"{ROOT}/PKG-INFO", METADATA)])
    judged(judge, SDIST, gzipped(tar))


fields = [
    "Requires-Dist",
    "Requires-Python",
    "Dynamic",
    "License-Expression",
    "Description-Content-Type",
    "Name",
]
lines = st.builds(
    "{}: {}".format, st.sampled_from([*fields, "Import-Name", "Project-URL", "X"]), st.text(max_size=40)
)


@given(
    text=st.lists(lines | st.text(max_size=40), max_size=4).map("\n".join),
    version=st.sampled_from(["1.0", "2.5"]),
)
def test_any_metadata(judge, text: str, version: str) -> None:
    start = f"Metadata-Version: {version}\nName: demo\nVersion: 1.0\n"
    metadata = (start + text).encode("utf-8", "replace")
    examined = judged(judge, WHEEL, wheel({f"{INFO}/METADATA": metadata}))
    if examined is not None:
        assert examined.metadata == metadata
        assert examined.summary.isprintable()
        assert all(remark.sentence.isprintable() for remark in examined.remarks)


@given(text=st.text(alphabet=st.sampled_from("ab=:[]\n. \r\t\"',%\u00e9/")))
@pytest.mark.parametrize("name", ["entry_points.txt", "RECORD", "WHEEL"])
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_text_of_the_wheel(judge, name: str, text: str) -> None:
    start = {
        "entry_points.txt": "[console_scripts]\n",
        "RECORD": f"{INFO}/RECORD,,\n",
        "WHEEL": "Wheel-Version: 1.0\n",
    }
    examined = judged(judge, WHEEL, wheel({f"{INFO}/{name}": (start[name] + text).encode()}))
    if examined is not None:
        assert all(remark.sentence.isprintable() for remark in examined.remarks)


@given(name=st.text(max_size=20), mode=st.integers(0, 2**16 - 1))
def test_any_member_stays_inside(judge, name: str, mode: int) -> None:
    member = Part(name.encode("utf-8", "replace"), flags=0x800, mode=mode)
    body = raw_zip([*(Part(name, data) for name, data in members_of().items()), member])
    if judged(judge, WHEEL, body) is not None:
        assert not name.startswith("/")
        assert not {"..", "."} & set(name.split("/"))
        assert "\\" not in name
