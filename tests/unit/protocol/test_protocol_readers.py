"""Reading upstreams: every good file of a page is kept as it was said, and nothing unbelievable gets in."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.errors import UpstreamNonsense
from localshop.protocol import project_lists, readers, writers
from localshop.protocol.document import Document, Entry
from localshop.protocol.pages import Page, Shown

URL = "https://up.example/simple/demo/"
SHA = "ab" * 32
JSON = "application/vnd.pypi.simple.v1+json"
WHEEL = "demo-1.0-py3-none-any.whl"


def read_html(body: str, *, url: str = URL) -> Document:
    return readers.read(body.encode(), content_type="text/html; charset=utf-8", url=url, project="demo")


def read_json(page: object, *, content_type: str = JSON) -> Document:
    body = page if isinstance(page, bytes) else json.dumps(page).encode()
    return readers.read(body, content_type=content_type, url=URL, project="demo")


def one(**keys: object) -> Entry | None:
    record = {"filename": WHEEL, "url": f"/f/{WHEEL}", "hashes": {"sha256": SHA}, **keys}
    document = read_json({"name": "demo", "files": [record]})
    assert len(document.files) + document.dropped == 1
    return document.files[0] if document.files else None


def linked(href: str, **where: str) -> Entry | None:
    files = read_html(f'<title>Links for demo</title><a href="{href}">x</a>', **where).files
    return files[0] if files else None


def test_a_whole_html_page_is_read() -> None:
    document = read_html(
        f"""<!DOCTYPE html><html><head><base href="/root/">
        <meta name="pypi:repository-version" content="1.4">
        <meta name="pypi:project-status" content="archived">
        <meta name="pypi:project-status-reason" content="a &amp; b"></head><body>
        <a href="../packages/aa/bb/cccc/{WHEEL}#sha256={SHA.upper()}" data-requires-python="&gt;=3.9"
           data-dist-info-metadata="sha256={SHA}" data-yanked="bad &lt;b&gt;" data-size="12"
           data-upload-time="2026-01-02T03:04:05Z" data-provenance="https://p.example/x">t</a>
        <a href="demo-1.0.tar.gz#md5=0123" data-yanked data-core-metadata="true">t</a>
        <a href="demo-1.0.exe">t</a> <a name="top">t</a></body></html>"""
    )
    assert document == Document(
        name="demo",
        status="archived",
        status_reason="a & b",
        dropped=1,
        files=(
            Entry(
                filename=WHEEL,
                url=f"https://up.example/packages/aa/bb/cccc/{WHEEL}",
                path="aa/bb/cccc",
                sha256=SHA,
                size=12,
                requires_python=">=3.9",
                upload_time="2026-01-02T03:04:05Z",
                yanked="bad <b>",
                core_metadata=SHA,
                provenance="https://p.example/x",
            ),
            Entry(
                filename="demo-1.0.tar.gz",
                url="https://up.example/root/demo-1.0.tar.gz",
                path=document.files[1].path,
                yanked=True,
                extra={"_hashes": {"md5": "0123"}},
            ),
        ),
    )


def test_unknown_keys_are_kept() -> None:
    document = read_json(
        {
            "meta": {"api-version": "1.9", "_last-serial": 1},
            "name": "Demo",
            "new": [1],
            "project-status": {"status": "strange", "reason": 3},
            "files": [{"filename": WHEEL, "url": WHEEL, "hashes": {}, "signed": {"by": "x"}}, 7, None],
        }
    )
    assert (document.extra, document.dropped) == ({"new": [1]}, 2)
    assert (document.status, document.status_reason) == ("active", "")
    assert document.files[0].extra == {"signed": {"by": "x"}}


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "x/y+JSON", ""])
def test_json_is_known_by_many_names(content_type: str) -> None:
    assert read_json({"name": "demo", "files": []}, content_type=content_type).files == ()


@pytest.mark.parametrize(
    ("href", "url"),
    [
        (f"../../f/{WHEEL}", f"https://up.example/f/{WHEEL}"),
        (f"{WHEEL}#x", f"https://up.example/simple/demo/{WHEEL}"),
        (f"/f/{WHEEL}?a=b&amp;c", f"https://up.example/f/{WHEEL}?a=b&c"),
        (f"//cdn.example/{WHEEL}", f"https://cdn.example/{WHEEL}"),
        (f"HTTP://user:secret@CDN.example:8080/{WHEEL}", f"http://cdn.example:8080/{WHEEL}"),
        (f"http://[::1]:81/{WHEEL}", f"http://[::1]:81/{WHEEL}"),
        (f" ./a/../{WHEEL} ", f"https://up.example/simple/demo/{WHEEL}"),
        (f"/a b/{WHEEL}", f"https://up.example/a%20b/{WHEEL}"),
    ],
)
def test_links_are_resolved_against_the_page(href: str, url: str) -> None:
    entry = linked(href)
    assert entry is not None
    assert entry.url == url
    assert entry.filename == WHEEL


@pytest.mark.parametrize(
    "href",
    [
        *(f"ftp://h/{WHEEL}", f"javascript:/{WHEEL}", f"file:///{WHEEL}", f"http:///{WHEEL}"),
        *(f"http://good.example\\@evil.example/{WHEEL}", f"http://h:99999/{WHEEL}", f"http://[/{WHEEL}"),
        *(f"http://a&#10;b/{WHEEL}", f"http://h&#x130;/{WHEEL}", "/" + "x" * 5000 + WHEEL, f"data:,{WHEEL}"),
        *("/other-1.0.tar.gz", "/demo-1.0.tar.gz%00", "/..%2fdemo-1.0.tar.gz", f"/{WHEEL}.metadata", ""),
    ],
)
def test_links_that_lead_astray_are_dropped(href: str) -> None:
    assert linked(href) is None


def test_a_broken_base_spoils_no_absolute_link() -> None:
    page = f'<base href="http://["><a href="https://h.example/{WHEEL}">x</a>'
    assert [entry.url for entry in read_html(page).files] == [f"https://h.example/{WHEEL}"]


def test_a_local_version_is_found_behind_its_encoding() -> None:
    entry = linked("/packages/aa/bb/cccc/demo-1.0%2Blocal.1.tar.gz")
    assert entry is not None
    assert (entry.filename, entry.path) == ("demo-1.0+local.1.tar.gz", "aa/bb/cccc")


def test_our_path_is_the_upstreams_else_the_digest() -> None:
    paths = [
        entry.path
        for entry in (
            one(url=f"https://h/x/packages/1a/2b/{'3c' * 30}/{WHEEL}"),
            one(url=f"https://h/packages/1A/2b/cccc/{WHEEL}"),
            one(url="https://h/packages/aa/bb/cccc/demo-2.0.tar.gz"),
            one(hashes={}),
            one(hashes={}, url=f"/g/{WHEEL}"),
        )
        if entry
    ]
    assert paths[:3] == [f"1a/2b/{'3c' * 30}", f"ab/ab/{'ab' * 30}", f"ab/ab/{'ab' * 30}"]
    assert len(set(paths[3:])) == 2
    assert all(len(path) == 66 for path in paths)


@pytest.mark.parametrize(
    "keys",
    [
        *({"filename": None}, {"filename": "other-1.0.zip"}, {"filename": "../" + WHEEL}, {"url": 3}),
        *({"hashes": []}, {"hashes": {"sha256": "zz"}}, {"hashes": {"sha256": 7}}, {"hashes": None}),
    ],
)
def test_a_file_that_cannot_be_served_rightly_is_dropped(keys: dict[str, object]) -> None:
    assert one(**keys) is None


@pytest.mark.parametrize(
    ("key", "value", "field", "kept"),
    [
        ("size", 5, "size", 5),
        *(("size", bad, "size", None) for bad in (-1, "5", True, 1.5, None, 2**63)),
        *(("requires-python", bad, "requires_python", None) for bad in ("", 3, None, [])),
        ("upload-time", "2026-01-02T03:04:05.123456Z", "upload_time", "2026-01-02T03:04:05.123456Z"),
        ("upload-time", "2026-01-02T03:04:05.123456789Z", "upload_time", "2026-01-02T03:04:05.123456Z"),
        ("upload-time", "2026-01-02T03:04:05+02:00", "upload_time", "2026-01-02T01:04:05Z"),
        ("upload-time", "2026-01-02T03:04:05", "upload_time", "2026-01-02T03:04:05Z"),
        ("upload-time", "2026-01-02 03:04:05z", "upload_time", "2026-01-02T03:04:05Z"),
        *(
            ("upload-time", bad, "upload_time", None)
            for bad in ("", "now", 7, None, "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+09:00", "2026-01-01")
        ),
        ("yanked", True, "yanked", True),
        ("yanked", "why", "yanked", "why"),
        ("yanked", "", "yanked", True),
        *(("yanked", bad, "yanked", False) for bad in (False, None, 1, {})),
        ("core-metadata", True, "core_metadata", True),
        ("core-metadata", {"sha256": SHA.upper()}, "core_metadata", SHA),
        ("core-metadata", {"md5": "x"}, "core_metadata", True),
        ("dist-info-metadata", {"sha256": SHA}, "core_metadata", SHA),
        ("data-dist-info-metadata", True, "core_metadata", True),
        *(("core-metadata", bad, "core_metadata", False) for bad in (None, "yes", {"sha256": "x"}, False)),
        ("provenance", "https://p.example/a", "provenance", "https://p.example/a"),
        *(("provenance", bad, "provenance", None) for bad in (None, 1, "javascript:x")),
    ],
)
def test_an_optional_key_is_taken_only_if_it_is_right(
    key: str, value: object, field: str, kept: object
) -> None:
    entry = one(**{key: value})
    assert entry is not None
    assert getattr(entry, field) == kept
    assert type(getattr(entry, field)) is type(kept)


def test_an_sdist_has_no_core_metadata() -> None:
    entry = one(filename="demo-1.0.tar.gz", **{"core-metadata": True})
    assert entry is not None
    assert entry.core_metadata is False


def test_of_two_files_with_one_name_the_first_counts() -> None:
    document = read_html(f'<a href="/a/{WHEEL}">x</a><a href="/b/{WHEEL}">x</a>')
    assert [entry.url for entry in document.files] == [f"https://up.example/a/{WHEEL}"]
    assert document.dropped == 1


def test_half_a_surrogate_pair_spoils_no_page() -> None:
    body = b'{"name":"demo","x":"\\ud800","files":[]}'
    assert read_json(body).extra == {"x": "?"}


def test_an_absurdly_nested_key_is_left_out() -> None:
    deep: object = 1
    for _ in range(100):
        deep = [deep]
    entry = one(deep=deep, flat=[[1]])
    assert entry is not None
    assert entry.extra == {"flat": [[1]]}


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"[]",
            b"{}",
            b'{"files":{}}',
            b'{"files":[],"name":"other"}',
            b'{"files":[],"name":1}',
            b"\xff",
        ),
        *(
            b'{"files":[],"x":NaN}',
            b'{"files":[],"x":1e999}',
            b"[" * 100_000,
            b'{"files":[',
            b"<html></html>",
        ),
        b'{"files":[],"meta":{"api-version":"2.0"}}',
    ],
)
def test_json_that_is_no_page_of_the_project_is_refused(body: bytes) -> None:
    with pytest.raises(UpstreamNonsense):
        read_json(body)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html><body>Please log in <a href=/login>here</a></body></html>",
        f'<html><body><a href="{WHEEL}">x</a><a hre',
        '<meta name="pypi:repository-version" content="2.0"><title>Links for demo</title>',
    ],
)
def test_html_that_is_no_page_is_refused(body: str) -> None:
    with pytest.raises(UpstreamNonsense):
        read_html(body)


def test_other_types_are_refused() -> None:
    with pytest.raises(UpstreamNonsense, match="image/png"):
        readers.read(b"<a>", content_type="image/png", url=URL, project="demo")


def test_an_empty_page_that_says_so_is_believed() -> None:
    assert read_html("<h1>Links for demo</h1>").files == ()


@given(st.binary(max_size=60) | st.text().map(str.encode), st.sampled_from([JSON, "text/html", ""]))
def test_garbage_is_refused_and_nothing_worse(body: bytes, content_type: str) -> None:
    with suppress(UpstreamNonsense):
        readers.read(body, content_type=content_type, url=URL, project="demo")


PARTS = st.sampled_from(
    ['<a href="', WHEEL, '"', ">", "</a>", "<!--", "-->", "<base href=", "&", "#sha256=", "<"]
)


@given(st.lists(PARTS, max_size=30).map("".join))
def test_broken_html_is_read_or_refused(body: str) -> None:
    with suppress(UpstreamNonsense):
        read_html(body)


HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
SHOWN = st.builds(
    Shown,
    filename=st.integers(0, 99).map(lambda n: f"demo-{n}.0-py3-none-any.whl"),
    url=st.just(""),
    sha256=st.none() | HEX,
    size=st.none() | st.integers(0, 2**63 - 1),
    requires_python=st.none() | TEXT,
    upload_time=st.none() | st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    yanked=st.booleans() | TEXT,
    core_metadata=st.booleans() | HEX,
)
PAGES = st.builds(
    lambda files, reason: Page(
        name="demo",
        files=tuple(
            Shown(**{name: getattr(f, name) for name in Shown.__slots__} | {"url": f"/p/{f.filename}"})
            for f in files
        ),
        versions=(),
        status="deprecated",
        status_reason=reason,
    ),
    st.lists(SHOWN, max_size=4, unique_by=lambda shown: shown.filename),
    TEXT,
)


@given(PAGES)
def test_what_we_write_is_what_we_read_in_both_forms(page: Page) -> None:
    """A localshop can stand behind a localshop."""
    from_json = read_json(writers.page_json(page))
    from_html = read_html(writers.page_html(page).decode())
    assert from_json == from_html
    assert from_json.status_reason == page.status_reason
    assert len(from_json.files) == len(page.files)
    for entry, shown in zip(from_json.files, page.files, strict=True):
        for name in ("filename", "sha256", "size", "requires_python", "yanked", "core_metadata"):
            assert getattr(entry, name) == getattr(shown, name)
        assert entry.upload_time == shown.upload_time


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"projects": [{"name": "Demo"}, {"name": "a_b"}]}', {"demo", "a-b"}),
        (b'<a href="demo/">demo</a><br><A class=x HREF="/whl/a_b/">a.b</A>', {"demo", "a-b"}),
        (b'<a href="demo/index.html">demo</a>', None),
        (b'<a href="../">Up</a>' + b"".join(b'<a href="p%d/">p%d</a>' % (n, n) for n in range(20)), 20),
        (b'<a href="/login/">Log in here</a>', None),
        (b"<html>Welcome</html>", None),
        (b'{"projects": []}', None),
        (b'{"projects": [1]}', None),
        (b'{"files": []}', None),
        (b"[" * 100_000, None),
        (b"\xff", None),
    ],
)
def test_a_list_of_projects_is_one_or_is_refused(body: bytes, names: set[str] | int | None) -> None:
    """What passes for a list says of nearly every name that it does not exist."""
    if names is None:
        with pytest.raises(UpstreamNonsense):
            project_lists.read_names(body, content_type="", url=URL)
        return
    found = project_lists.read_names(body, content_type="", url=URL)
    assert (found if isinstance(names, set) else len(found)) == names


@given(st.binary(max_size=60) | st.lists(PARTS, max_size=20).map(lambda parts: "".join(parts).encode()))
def test_no_list_of_projects_breaks_us(body: bytes) -> None:
    with suppress(UpstreamNonsense):
        project_lists.read_names(body, content_type="text/html", url=URL)
