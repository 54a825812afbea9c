"""Distributions that must be refused, each with the slug that it is refused by.

    for name, filename, body, slug in CORPUS: ...

The form that goes with each says project ``demo`` and version ``1.0``, which nearly all of them are.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import struct
import tarfile
from collections.abc import Callable, Mapping

from raw_archives import (
    FULL32,
    STORED,
    Part,
    block,
    file,
    gzipped,
    hardlink,
    pax,
    raw_zip,
    symlink,
    tar_of,
)

WHEEL = "demo-1.0-py3-none-any.whl"
SDIST = "demo-1.0.tar.gz"
INFO = "demo-1.0.dist-info"
ROOT = "demo-1.0"
METADATA = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n\nWhat it is.\n"
TAGS = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
MEBIBYTE = 2**20

_bad: list[tuple[str, str, Callable[[], bytes], str]] = []


def bad(slug: str, filename: str = WHEEL):
    """Take a function that builds a file into the corpus."""

    def take(build: Callable[[], bytes]) -> Callable[[], bytes]:
        _bad.append((build.__name__, filename, build, slug))
        return build

    return take


def record(members: Mapping[str, bytes], *, more: str = "") -> bytes:
    """Write a RECORD that fits the members."""
    rows = []
    for name, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}\n")
    return f"{''.join(rows)}{more}{INFO}/RECORD,,\n".encode()


def members_of(changes: Mapping[str, bytes | None] | None = None, *, more: str = "") -> dict[str, bytes]:
    """The members of a good wheel, with changes; None takes one away. RECORD fits unless it is changed."""
    found: dict[str, bytes | None] = {
        "demo/__init__.py": b"x = 1\n",
        f"{INFO}/METADATA": METADATA,
        f"{INFO}/WHEEL": TAGS,
        **(changes or {}),
    }
    kept = {name: data for name, data in found.items() if data is not None}
    if f"{INFO}/RECORD" not in found:
        kept[f"{INFO}/RECORD"] = record(kept, more=more)
    return kept


def wheel(changes: Mapping[str, bytes | None] | None = None, *, more: str = "", **frame) -> bytes:
    return raw_zip([Part(name, data) for name, data in members_of(changes, more=more).items()], **frame)


def wheel_with(*parts: Part, **frame) -> bytes:
    """A good wheel and some more members, which RECORD lists."""
    listed = "".join(f"{part.raw.decode('latin-1')},,\n" for part in parts if b"\\" not in part.raw)
    good = [Part(name, data) for name, data in members_of(more=listed).items()]
    return raw_zip([*good, *parts], **frame)


def metadata(text: bytes, **changes: bytes) -> bytes:
    return wheel({f"{INFO}/METADATA": text, **changes})


def sdist(*members, head: bytes = b"", tail: bytes = b"") -> bytes:
    """An sdist with PKG-INFO and the given members; ``head`` and ``tail`` are raw blocks around them."""
    whole = tar_of([file(f"{ROOT}/PKG-INFO", METADATA), *members])
    return gzipped(head + whole.rstrip(b"\0") + bytes(-len(whole.rstrip(b"\0")) % 512) + tail + bytes(1024))


# --- File names --------------------------------------------------------------------------------------------


@bad("file-extension", "demo-1.0.tar.bz2")
def extension_of_old() -> bytes:
    return sdist()


@bad("file-extension", "demo-1.0-py3-none-any.whl.exe")
def extension_twice() -> bytes:
    return wheel()


@bad("file-name-unsafe", "demo-1.0-py3-none-any.whl.metadata")
def name_of_a_sibling() -> bytes:
    return wheel()


@bad("file-name-unsafe", f"demo-1.0-py3-none-{'a' * 200}.whl")
def name_too_long() -> bytes:
    return wheel()


@bad("file-name-unsafe", "-demo-1.0-py3-none-any.whl")
def name_like_an_option() -> bytes:
    return wheel()


@bad("file-name-invalid", "demo-1.0-py3-any.whl")
def wheel_name_without_abi() -> bytes:
    return wheel()


@bad("file-name-invalid", "demo-1.0-x1-py3-none-any.whl")
def build_without_digit() -> bytes:
    return wheel()


@bad("file-name-invalid", "demo-one-py3-none-any.whl")
def wheel_name_without_version() -> bytes:
    return wheel()


@bad("file-name-invalid", "demo.tar.gz")
def sdist_name_without_version() -> bytes:
    return sdist()


@bad("name-mismatch", "other-1.0-py3-none-any.whl")
def file_name_of_another() -> bytes:
    return wheel()


@bad("name-mismatch", "demo-more-1.0.tar.gz")
def sdist_name_of_another() -> bytes:
    return sdist()


@bad("version-mismatch", "demo-1.1-py3-none-any.whl")
def file_name_of_another_version() -> bytes:
    return wheel()


# --- Metadata ----------------------------------------------------------------------------------------------


@bad("metadata-missing")
def wheel_without_metadata() -> bytes:
    return wheel({f"{INFO}/METADATA": None})


@bad("metadata-missing", SDIST)
def sdist_without_info() -> bytes:
    return gzipped(tar_of([file(f"{ROOT}/setup.py", b"1/0")]))


@bad("metadata-too-large")
def metadata_of_two_mebibytes() -> bytes:
    return metadata(METADATA + b"x" * 2 * MEBIBYTE)


@bad("metadata-too-large", SDIST)
def info_of_two_mebibytes() -> bytes:
    return gzipped(tar_of([file(f"{ROOT}/PKG-INFO", METADATA + b"x" * 2 * MEBIBYTE)]))


@bad("metadata-not-text")
def metadata_in_latin() -> bytes:
    return metadata("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nAuthor: André\n".encode("latin-1"))


@bad("metadata-incomplete")
def metadata_without_name() -> bytes:
    return metadata(b"Metadata-Version: 2.1\nVersion: 1.0\n")


@bad("metadata-incomplete")
def metadata_with_two_names() -> bytes:
    return metadata(b"Metadata-Version: 2.1\nName: demo\nName: other\nVersion: 1.0\n")


@bad("metadata-incomplete")
def metadata_below_an_empty_line() -> bytes:
    return metadata(b"\n" + METADATA)


@bad("metadata-broken")
def metadata_of_many_kinds() -> bytes:
    return metadata(
        METADATA.replace(b"\n\n", b"\n" + b"".join(b"f%d: x\n" % n for n in range(90_000)) + b"\n")
    )


@bad("metadata-version")
def metadata_of_the_future() -> bytes:
    return metadata(METADATA.replace(b"2.1", b"3.0"))


@bad("metadata-version")
def metadata_version_of_no_number() -> bytes:
    return metadata(METADATA.replace(b"2.1", b"two"))


@bad("name-invalid")
def metadata_name_with_break() -> bytes:
    return metadata(METADATA.replace(b"Name: demo", b"Name: demo\n x"))


@bad("version-invalid")
def metadata_version_unreadable() -> bytes:
    return metadata(METADATA.replace(b"Version: 1.0\n", b"Version: one\n"))


@bad("name-mismatch")
def metadata_of_another() -> bytes:
    return metadata(METADATA.replace(b"demo", b"other"))


@bad("version-mismatch")
def metadata_of_another_version() -> bytes:
    return metadata(METADATA.replace(b"Version: 1.0\n", b"Version: 1.1\n"))


@bad("name-mismatch", SDIST)
def info_of_another() -> bytes:
    return gzipped(tar_of([file(f"{ROOT}/PKG-INFO", METADATA.replace(b"demo", b"other"))]))


@bad("metadata-field")
def requirement_unreadable() -> bytes:
    return metadata(METADATA.replace(b"\n\n", b"\nRequires-Dist: a >> 1\n\n"))


@bad("metadata-field")
def requirement_of_many_brackets() -> bytes:
    return metadata(METADATA.replace(b"\n\n", b"\nRequires-Dist: a; " + b"(" * 50_000 + b"\n\n"))


@bad("metadata-field")
def python_unreadable() -> bytes:
    return metadata(METADATA.replace(b"\n\n", b"\nRequires-Python: new\n\n"))


@bad("metadata-field")
def python_twice() -> bytes:
    return metadata(METADATA.replace(b"\n\n", b"\nRequires-Python: >=3\nRequires-Python: >=2\n\n"))


@bad("license-file-missing")
def licence_promised_by_wheel() -> bytes:
    return metadata(b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nLicense-File: LICENSE\n")


@bad("license-file-missing", SDIST)
def licence_promised_by_sdist() -> bytes:
    text = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nLicense-File: ../LICENSE\n"
    return gzipped(tar_of([file(f"{ROOT}/PKG-INFO", text)]))


# --- Wheels ------------------------------------------------------------------------------------------------


@bad("wheel-directory")
def wheel_without_directory() -> bytes:
    return raw_zip([Part("demo/__init__.py", b"")])


@bad("wheel-directory")
def wheel_with_two_directories() -> bytes:
    return wheel({"other-1.0.dist-info/METADATA": METADATA})


@bad("archive-directory")
def wheel_with_directory_of_another() -> bytes:
    changed = {name.replace("demo-1.0", "other-1.0"): data for name, data in members_of().items()}
    return raw_zip([Part(name, data) for name, data in changed.items()])


@bad("wheel-file-missing")
def wheel_without_wheel_file() -> bytes:
    return wheel({f"{INFO}/WHEEL": None})


@bad("wheel-version")
def wheel_of_the_future() -> bytes:
    return wheel({f"{INFO}/WHEEL": TAGS.replace(b"1.0", b"2.0")})


@bad("wheel-version")
def wheel_file_of_nothing() -> bytes:
    return wheel({f"{INFO}/WHEEL": b"\xff\0"})


@bad("record-missing")
def wheel_without_record() -> bytes:
    return wheel({f"{INFO}/RECORD": None})


@bad("record-path")
def record_leads_out() -> bytes:
    return wheel(more="../../etc/passwd,,\n")


@bad("record-path")
def record_leads_to_the_root() -> bytes:
    return wheel(more="/etc/passwd,,\n")


@bad("record-path")
def record_leads_to_a_drive() -> bytes:
    return wheel(more="C:\\Windows\\win.ini,,\n")


@bad("record-unreadable")
def record_of_two_columns() -> bytes:
    return wheel(more="demo,x\n")


@bad("record-unreadable")
def record_in_latin() -> bytes:
    return wheel({f"{INFO}/RECORD": b"caf\xe9,,\n"})


@bad("record-unreadable")
def record_of_one_line() -> bytes:
    return wheel({f"{INFO}/RECORD": b"x" * MEBIBYTE})


@bad("record-ambiguous")
def record_of_two_minds() -> bytes:
    return wheel(more="demo/__init__.py,sha256=AAAA,1\n")


@bad("entry-points")
def entry_points_unreadable() -> bytes:
    return wheel({f"{INFO}/entry_points.txt": b"no section = x\n"})


@bad("entry-points")
def entry_point_leads_out() -> bytes:
    return wheel({f"{INFO}/entry_points.txt": b"[console_scripts]\n../../bin/sh = demo:main\n"})


@bad("entry-points")
def entry_point_of_dots() -> bytes:
    return wheel({f"{INFO}/entry_points.txt": b"[gui_scripts]\n.. = demo:main\n"})


@bad("entry-points")
def entry_point_with_code() -> bytes:
    return wheel({f"{INFO}/entry_points.txt": b"[console_scripts]\ndemo = demo:main();import os\n"})


# --- ZIP: one meaning --------------------------------------------------------------------------------------


@bad("zip-unreadable")
def wheel_of_text() -> bytes:
    return b"<html>not found</html>"


@bad("zip-unreadable")
def wheel_of_nothing() -> bytes:
    return b""


@bad("zip-unreadable")
def wheel_cut() -> bytes:
    return wheel()[:-30]


@bad("zip-unreadable")
def wheel_that_is_an_sdist() -> bytes:
    return sdist()


@bad("zip-trailing-data")
def wheel_with_tail() -> bytes:
    return wheel(after=b"#!/bin/sh\n")


@bad("zip-hidden-data")
def two_wheels_in_one() -> bytes:
    return wheel() + wheel()


@bad("zip-hidden-data")
def wheel_with_head() -> bytes:
    return wheel(before=b"#!/bin/sh\n")


@bad("zip-hidden-data")
def wheel_with_head_left_out() -> bytes:
    return wheel(before=b"#!/bin/sh\n", shift=10)


@bad("zip-hidden-data")
def data_between_members() -> bytes:
    return wheel(between=b"more")


@bad("zip-hidden-data")
def member_that_only_some_see() -> bytes:
    hidden = raw_zip([Part("demo/hidden.py", b"evil", STORED)])
    local = hidden[: hidden.index(b"PK\1\2")]
    return wheel(between=local)


@bad("zip-hidden-data")
def stream_with_archive_in_it() -> bytes:
    data = raw_zip([Part("demo/hidden.py", b"evil", STORED)])
    return wheel_with(streamed("demo/data.bin", data, method=STORED))


@bad("zip-hidden-data")
def overlapping_members() -> bytes:
    first = Part("demo/a.py", b"a", STORED)
    lie = Part("demo/b.py", b"a", STORED, central={"offset": 0, "name": b"demo/a.pY"})
    return raw_zip([first, lie])


@bad("zip-headers")
def local_name_differs() -> bytes:
    return wheel_with(Part("demo/a.py", b"", local={"name": b"demo/b.py"}))


@bad("zip-headers")
def local_size_differs() -> bytes:
    return wheel_with(Part("demo/a.py", b"abc", local={"size": 2}))


@bad("zip-headers")
def local_checksum_differs() -> bytes:
    return wheel_with(Part("demo/a.py", b"abc", local={"crc": 2}))


@bad("zip-headers")
def local_method_differs() -> bytes:
    return wheel_with(Part("demo/a.py", b"abc", local={"method": STORED}))


@bad("zip-headers")
def local_flag_differs() -> bytes:
    return wheel_with(Part("demo/a.py", b"abc", local={"flags": 0x8}))


@bad("zip-headers")
def stream_without_descriptor() -> bytes:
    return wheel_with(Part("demo/a.py", b"abc", flags=0x8))


@bad("zip-headers")
def descriptor_differs() -> bytes:
    return wheel_with(
        Part("demo/a.py", b"abc", flags=0x8, descriptor=struct.pack("<4s3L", b"PK\7\x08", 1, 2, 3))
    )


@bad("zip-unreadable")
def fewer_members_than_said() -> bytes:
    return wheel(end={"count": 99})


@bad("zip-hidden-data")
def more_members_than_said() -> bytes:
    return wheel(end={"count": 1})


@bad("zip-unreadable")
def directory_elsewhere() -> bytes:
    return wheel(end={"start": FULL32 - 1})


@bad("zip-duplicate")
def two_members_of_one_name() -> bytes:
    return wheel_with(Part("demo/a.py", b"good"), Part("demo/a.py", b"evil"))


@bad("zip-duplicate")
def file_and_directory_of_one_name() -> bytes:
    return wheel_with(Part("demo/a", b"good"), Part("demo/a/"))


@bad("zip-comment")
def member_with_comment() -> bytes:
    return wheel_with(Part("demo/a.py", b"", comment=b"PK\3\4"))


@bad("zip-encrypted")
def member_encrypted() -> bytes:
    return wheel_with(Part("demo/a.py", b"x" * 20, flags=0x1))


@bad("zip-method")
def member_of_lzma() -> bytes:
    return wheel_with(Part("demo/a.py", b"x", method=14))


@bad("zip-damaged")
def checksum_wrong() -> bytes:
    lie = {"crc": 1}
    return wheel_with(Part("demo/a.py", b"x", local=lie, central=lie))


@bad("zip-damaged")
def size_wrong() -> bytes:
    lie = {"size": 1}
    return wheel_with(Part("demo/a.py", b"xyz", local=lie, central=lie))


@bad("zip-damaged")
def deflated_not() -> bytes:
    return wheel_with(Part("demo/a.py", b"xyz", packed=b"\xff\xff\xff"))


@bad("zip-damaged")
def deflated_and_more() -> bytes:
    return wheel_with(Part("demo/a.py", b"", packed=b"\x03\0" + b"evil"))


@bad("zip-damaged")
def deflated_cut() -> bytes:
    return wheel_with(Part("demo/a.py", b"x" * 99, packed=b"\x4b"))


@bad("zip-extra")
def other_name_in_extra() -> bytes:
    extra = struct.pack("<2HBL", 0x7075, 5 + 6, 1, 0) + b"evil.py"[:6]
    return wheel_with(Part("demo/a.py", b"", central={"extra": extra}, local={"extra": extra}))


@bad("zip-extra")
def extra_broken() -> bytes:
    return wheel_with(Part("demo/a.py", b"", central={"extra": b"\x01\0\xff\0"}))


@bad("zip-extra")
def extra_twice() -> bytes:
    extra = struct.pack("<2H", 1, 0) * 2
    return wheel_with(Part("demo/a.py", b"", central={"extra": extra}))


@bad("zip-wide")
def wide_field_contradicts() -> bytes:
    extra = struct.pack("<2H2Q", 1, 16, 1, 1)
    return wheel_with(Part("demo/a.py", b"abc", local={"extra": extra}))


@bad("zip-wide")
def wide_field_too_long() -> bytes:
    extra = struct.pack("<2H3Q", 1, 24, 3, 3, 0)
    return wheel_with(Part("demo/a.py", b"abc", central={"size": FULL32, "extra": extra}))


@bad("zip-wide")
def wide_end_contradicts() -> bytes:
    return wheel(wide={"count": 1, "here": 1})


@bad("zip-wide")
def wide_end_elsewhere() -> bytes:
    return wheel(wide={"at": 0})


@bad("zip-wide")
def wide_end_with_more() -> bytes:
    return wheel(wide={"own": 144})


# --- Members -----------------------------------------------------------------------------------------------


@bad("member-path")
def zip_leads_up() -> bytes:
    return wheel_with(Part("../evil.py", b""))


@bad("member-path")
def zip_leads_to_the_root() -> bytes:
    return wheel_with(Part("/etc/evil", b""))


@bad("member-path")
def zip_with_backslash() -> bytes:
    return wheel_with(Part("demo\\..\\evil.py", b""))


@bad("member-path")
def zip_with_drive() -> bytes:
    return wheel_with(Part("C:evil.py", b""))


@bad("member-path")
def zip_with_dot() -> bytes:
    return wheel_with(Part("./demo/a.py", b""))


@bad("member-path")
def zip_with_no_name() -> bytes:
    return wheel_with(Part("", b""))


@bad("member-name")
def zip_with_nul() -> bytes:
    return wheel_with(Part("demo/a.py\0.txt", b""))


@bad("member-name")
def zip_with_unsaid_encoding() -> bytes:
    return wheel_with(Part("demo/caf\u00e9.py", b""))


@bad("member-name")
def zip_too_deep() -> bytes:
    return wheel_with(Part("a/" * 2000 + "a", b""))


@bad("member-link")
def zip_with_link() -> bytes:
    return wheel_with(Part("demo/passwd", b"/etc/passwd", mode=0o120777))


@bad("member-special")
def zip_with_device() -> bytes:
    return wheel_with(Part("demo/null", b"", mode=0o020666))


@bad("member-special")
def directory_with_content() -> bytes:
    return wheel_with(Part("demo/a/", b"evil"))


@bad("member-path", SDIST)
def tar_leads_up() -> bytes:
    return sdist(file(f"{ROOT}/../../evil.py"))


@bad("member-path", SDIST)
def tar_leads_to_the_root() -> bytes:
    return sdist(file("/etc/evil"))


@bad("member-path", SDIST)
def tar_file_with_slash() -> bytes:
    return sdist(tail=block("x", kind=tarfile.XHDTYPE, data=pax(path=f"{ROOT}/a/")) + block("b", kind=b"0"))


@bad("member-name", SDIST)
def tar_with_line_break() -> bytes:
    return sdist(file(f"{ROOT}/a\nb"))


@bad("member-link", SDIST)
def link_to_the_root() -> bytes:
    return sdist(symlink(f"{ROOT}/x", "/etc/passwd"))


@bad("member-link", SDIST)
def link_leads_up() -> bytes:
    return sdist(symlink(f"{ROOT}/x", "../x"))


@bad("member-link", SDIST)
def link_leads_down_and_up() -> bytes:
    return sdist(symlink(f"{ROOT}/a/b/x", "c/../../y"))


@bad("member-link", SDIST)
def member_below_a_link() -> bytes:
    return sdist(symlink(f"{ROOT}/x", "y"), file(f"{ROOT}/x/evil.py"))


@bad("member-link", SDIST)
def member_below_a_later_link() -> bytes:
    return sdist(file(f"{ROOT}/x/evil.py"), symlink(f"{ROOT}/x", "y"))


@bad("member-link", SDIST)
def hard_link_to_the_root() -> bytes:
    return sdist(hardlink(f"{ROOT}/x", "/etc/passwd"))


@bad("member-link", SDIST)
def hard_link_to_a_link() -> bytes:
    return sdist(symlink(f"{ROOT}/x", "y"), hardlink(f"{ROOT}/z", f"{ROOT}/x"))


@bad("member-link", SDIST)
def info_is_a_link() -> bytes:
    return gzipped(tar_of([file(f"{ROOT}/x", METADATA), symlink(f"{ROOT}/PKG-INFO", "x")]))


@bad("member-special", SDIST)
def tar_with_pipe() -> bytes:
    return sdist(file(f"{ROOT}/pipe", type=tarfile.FIFOTYPE))


@bad("member-special", SDIST)
def tar_with_device() -> bytes:
    return sdist(file(f"{ROOT}/null", type=tarfile.CHRTYPE))


# --- Tar: one meaning --------------------------------------------------------------------------------------


@bad("gzip-damaged", SDIST)
def sdist_that_is_a_wheel() -> bytes:
    return wheel()


@bad("gzip-damaged", SDIST)
def sdist_of_nothing() -> bytes:
    return b""


@bad("gzip-damaged", SDIST)
def sdist_cut() -> bytes:
    return sdist()[:-9]


@bad("gzip-damaged", SDIST)
def sdist_with_wrong_checksum() -> bytes:
    body = sdist()
    return body[:-8] + bytes(4) + body[-4:]


@bad("gzip-trailing-data", SDIST)
def two_sdists_in_one() -> bytes:
    return sdist() + sdist()


@bad("gzip-trailing-data", SDIST)
def sdist_with_tail() -> bytes:
    return sdist() + b"\0"


@bad("tar-damaged", SDIST)
def tar_of_text() -> bytes:
    return gzipped(b"no tar at all" * 99)


@bad("tar-damaged", SDIST)
def member_cut() -> bytes:
    return gzipped(tar_of([file(f"{ROOT}/PKG-INFO", METADATA), file(f"{ROOT}/x", b"x" * 9999)])[:4000])


@bad("tar-damaged", SDIST)
def pax_record_broken() -> bytes:
    return sdist(tail=block("x", kind=tarfile.XHDTYPE, data=b"99 path=x\n"))


@bad("tar-damaged", SDIST)
def header_without_member() -> bytes:
    return sdist(tail=block("x", kind=tarfile.XHDTYPE, data=pax(path="y")))


@bad("tar-trailing-data", SDIST)
def members_behind_the_end() -> bytes:
    return sdist(tail=bytes(1024) + block(f"{ROOT}/evil.py", kind=b"0"))


@bad("tar-size", SDIST)
def two_sizes() -> bytes:
    hidden = block(f"{ROOT}/evil.py", kind=b"0")
    return sdist(
        tail=block("x", kind=tarfile.XHDTYPE, data=pax(size="512"))
        + block(f"{ROOT}/a", kind=b"0", size=0)
        + hidden
    )


@bad("tar-size", SDIST)
def size_below_zero() -> bytes:
    return sdist(tail=block(f"{ROOT}/a", kind=b"0", size=-512))


@bad("tar-size", SDIST)
def link_with_content() -> bytes:
    return sdist(tail=block(f"{ROOT}/a", kind=tarfile.DIRTYPE, data=b"x" * 512))


@bad("tar-header-too-large", SDIST)
def header_of_a_mebibyte() -> bytes:
    return sdist(tail=block("x", kind=tarfile.XHDTYPE, data=b"\0" * MEBIBYTE))


@bad("tar-ambiguous", SDIST)
def two_names() -> bytes:
    return sdist(
        tail=block("x", kind=tarfile.XHDTYPE, data=pax(path=f"{ROOT}/a"))
        + block("././@LongLink", kind=tarfile.GNUTYPE_LONGNAME, data=f"{ROOT}/b\0".encode())
        + block(f"{ROOT}/c", kind=b"0")
    )


@bad("tar-ambiguous", SDIST)
def one_size_for_all() -> bytes:
    return sdist(head=block("x", kind=tarfile.XGLTYPE, data=pax(size="0")))


@bad("tar-ambiguous", SDIST)
def info_twice() -> bytes:
    return sdist(file(f"{ROOT}/PKG-INFO", METADATA.replace(b"demo", b"other")))


@bad("tar-ambiguous", SDIST)
def write_through_a_hard_link() -> bytes:
    return sdist(hardlink(f"{ROOT}/x", f"{ROOT}/PKG-INFO"), file(f"{ROOT}/x", b"Name: other\n"))


@bad("tar-sparse", SDIST)
def sparse_of_gnu() -> bytes:
    return sdist(tail=block(f"{ROOT}/a", kind=tarfile.GNUTYPE_SPARSE))


@bad("tar-sparse", SDIST)
def sparse_of_pax() -> bytes:
    data = pax(GNU__sparse__major="1", GNU__sparse__minor="0")
    return sdist(tail=block("x", kind=tarfile.XHDTYPE, data=data) + block(f"{ROOT}/a", kind=b"0"))


@bad("sdist-directory", SDIST)
def two_directories() -> bytes:
    return sdist(file("other/a.py"))


@bad("sdist-directory", SDIST)
def empty_tar() -> bytes:
    return gzipped(bytes(1024))


@bad("archive-directory", SDIST)
def directory_of_another() -> bytes:
    return gzipped(tar_of([file("other-1.0/PKG-INFO", METADATA)]))


@bad("metadata-missing", "demo-1.0.zip")
def zip_sdist_without_info() -> bytes:
    return raw_zip([Part(f"{ROOT}/setup.py", b"1/0")])


# --- Bombs -------------------------------------------------------------------------------------------------


@bad("archive-too-large")
def zip_bomb() -> bytes:
    size = 65 * MEBIBYTE
    lie = {"size": size}
    return wheel_with(Part("demo/bomb", b"", packed=deflate_zeros(size), local=lie, central=lie))


@bad("zip-damaged")
def zip_bomb_that_lies() -> bytes:
    return wheel_with(Part("demo/bomb", b"", packed=deflate_zeros(65 * MEBIBYTE)))


@bad("archive-too-large", SDIST)
def tar_bomb() -> bytes:
    return gzipped(tar_of([file(f"{ROOT}/PKG-INFO", METADATA), file(f"{ROOT}/bomb", bytes(65 * MEBIBYTE))]))


@bad("archive-too-large", SDIST)
def gzip_bomb_behind_the_end() -> bytes:
    return sdist(tail=bytes(65 * MEBIBYTE))


@bad("archive-many-members")
def zip_of_many() -> bytes:
    return wheel(wide={"count": 100_001, "here": 100_001}, end={"count": 0xFFFF})


@bad("archive-many-members", SDIST)
def tar_of_many() -> bytes:
    return gzip.compress(block(f"{ROOT}/a", kind=b"0") * 100_001, 1, mtime=0)


def streamed(name: str, data: bytes, *, method: int = 8) -> Part:
    """A member as it is written to a pipe: lengths and checksum only behind it."""
    part = Part(name, data, method, flags=0x8)
    true = part.fields()
    descriptor = struct.pack("<4s3L", b"PK\7\x08", true["crc"], true["packed"], true["size"])
    return Part(name, data, method, 0x8, descriptor=descriptor, local={"crc": 0, "packed": 0, "size": 0})


def deflate_zeros(size: int) -> bytes:
    """Deflate so many zeros without having them."""
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join(packer.compress(bytes(MEBIBYTE)) for _ in range(size // MEBIBYTE)) + packer.flush()


CORPUS: list[tuple[str, str, bytes, str]] = [
    (name, filename, build(), slug) for name, filename, build, slug in _bad
]
