"""The bytes of our pages: exactly these, because clients and lock files depend on each of them."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol.pages import Page, Shown
from localshop.protocol.writers import list_html, list_json, page_html, page_json

SHA, META = "ab" * 32, "cd" * 32
PAGE = Page(
    name="demo",
    versions=("1.0", "2.0"),
    status="archived",
    status_reason='moved to "x"',
    extra={"new": [1], "_last-serial": 7, "tracks": ["t"], "files": [], "null": None},
    files=(
        Shown(
            filename="demo-1.0-py3-none-any.whl",
            url="/repo/default/packages/aa/bb/cccc/demo-1.0-py3-none-any.whl",
            sha256=SHA,
            size=1337,
            requires_python='>=3.10"><script>',
            upload_time="2026-11-20T10:00:00.123456Z",
            yanked="<b>bad</b>\nreally",
            core_metadata=META,
            provenance="https://shop.example/x.provenance",
            extra={"new": {"a": 1}, "_own": 1, "url": "https://evil.example/", "gpg-sig": True, "none": None},
        ),
        Shown(
            filename="demo-2.0+local.tar.gz",
            url="/repo/default/packages/dd/ee/ffff/demo-2.0%2Blocal.tar.gz",
            yanked=True,
        ),
        Shown(filename="demo-2.0-py3-none-any.whl", url="/p/demo-2.0-py3-none-any.whl", core_metadata=True),
    ),
)


def test_a_page_in_json() -> None:
    assert page_json(PAGE).decode() == (
        '{"meta":{"api-version":"1.4"},"name":"demo",'
        '"project-status":{"status":"archived","reason":"moved to \\"x\\""},"versions":["1.0","2.0"],'
        '"files":[{"filename":"demo-1.0-py3-none-any.whl",'
        '"url":"/repo/default/packages/aa/bb/cccc/demo-1.0-py3-none-any.whl",'
        f'"hashes":{{"sha256":"{SHA}"}},"size":1337,"upload-time":"2026-11-20T10:00:00.123456Z",'
        '"requires-python":">=3.10\\"><script>","yanked":"<b>bad</b>\\nreally",'
        f'"core-metadata":{{"sha256":"{META}"}},"data-dist-info-metadata":{{"sha256":"{META}"}},'
        '"provenance":"https://shop.example/x.provenance","new":{"a":1}},'
        '{"filename":"demo-2.0+local.tar.gz","url":"/repo/default/packages/dd/ee/ffff/demo-2.0%2Blocal.tar.gz",'
        '"hashes":{},"yanked":true},'
        '{"filename":"demo-2.0-py3-none-any.whl","url":"/p/demo-2.0-py3-none-any.whl","hashes":{},"yanked":false,'
        '"core-metadata":true,"data-dist-info-metadata":true}],"new":[1]}'
    )


def test_a_page_in_html() -> None:
    assert page_html(PAGE).decode() == (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n'
        "  <head>\n"
        '    <meta name="pypi:repository-version" content="1.4">\n'
        '    <meta name="pypi:project-status" content="archived">\n'
        '    <meta name="pypi:project-status-reason" content="moved to &#34;x&#34;">\n'
        "    <title>Links for demo</title>\n"
        "  </head>\n"
        "  <body>\n"
        "    <h1>Links for demo</h1>\n"
        f'    <a href="/repo/default/packages/aa/bb/cccc/demo-1.0-py3-none-any.whl#sha256={SHA}"'
        ' data-requires-python="&gt;=3.10&#34;&gt;&lt;script&gt;"'
        ' data-yanked="&lt;b&gt;bad&lt;/b&gt;&#10;really"'
        f' data-dist-info-metadata="sha256={META}" data-core-metadata="sha256={META}"'
        ' data-provenance="https://shop.example/x.provenance" data-size="1337"'
        ' data-upload-time="2026-11-20T10:00:00.123456Z">demo-1.0-py3-none-any.whl</a><br />\n'
        '    <a href="/repo/default/packages/dd/ee/ffff/demo-2.0%2Blocal.tar.gz" data-yanked="">'
        "demo-2.0+local.tar.gz</a><br />\n"
        '    <a href="/p/demo-2.0-py3-none-any.whl" data-dist-info-metadata="true" data-core-metadata="true">'
        "demo-2.0-py3-none-any.whl</a><br />\n"
        "  </body>\n"
        "</html>\n"
    )


def test_the_list_of_projects() -> None:
    assert list_json(["a", "b-c"]) == (
        b'{"meta":{"api-version":"1.4"},"projects":[{"name":"a"},{"name":"b-c"}]}'
    )
    assert list_html(["a"]).decode() == (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n'
        "  <head>\n"
        '    <meta name="pypi:repository-version" content="1.4">\n'
        "    <title>Simple index</title>\n"
        "  </head>\n"
        "  <body>\n"
        "    <h1>Simple index</h1>\n"
        '    <a href="a/">a</a><br />\n'
        "  </body>\n"
        "</html>\n"
    )


TEXT = st.text(max_size=12)
VALUES = st.none() | st.booleans() | TEXT | st.dictionaries(TEXT, TEXT, max_size=2)
KEYS = TEXT | st.sampled_from(
    ["_x", "tracks", "hashes", "size", "yanked", "meta", "project-status", "namespaces"]
)
EXTRA = st.dictionaries(KEYS, VALUES, max_size=4)
SHOWN = st.builds(
    Shown,
    filename=TEXT,
    url=TEXT,
    sha256=st.none() | st.just(SHA),
    size=st.none() | st.integers(min_value=0),
    requires_python=st.none() | TEXT,
    upload_time=st.none(),
    yanked=st.booleans() | TEXT,
    core_metadata=st.booleans() | st.just(META),
    provenance=st.none() | TEXT,
    extra=EXTRA,
)
PAGES = st.builds(
    Page,
    name=st.just("demo"),
    files=st.lists(SHOWN, max_size=3).map(tuple),
    versions=st.just(()),
    status_reason=TEXT,
    extra=EXTRA,
)


@given(PAGES)
def test_no_page_has_a_null_or_a_foreign_value_of_ours(page: Page) -> None:
    record = json.loads(page_json(page))
    assert record["meta"] == {"api-version": "1.4"}
    assert record["project-status"]["status"] == "active"
    for keys in (record, record["project-status"], *record["files"]):
        assert None not in keys.values()
        assert not {"tracks", "alternate-locations", "namespaces"} & set(keys)
        assert not any(key.startswith("_") for key in keys)
    for file, shown in zip(record["files"], page.files, strict=True):
        assert file["url"] == shown.url
        assert set(file["hashes"]) <= {"sha256"}
        assert file["yanked"] is bool(shown.yanked) or file["yanked"] == shown.yanked != ""
        assert ("size" in file) == (shown.size is not None)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)


@given(PAGES)
def test_no_value_breaks_out_of_its_line_or_tag(page: Page) -> None:
    html = page_html(page).decode()
    tags = Tags()
    tags.feed(html)
    assert tags.names.count("a") == len(page.files)
    assert set(tags.names) <= {"html", "head", "meta", "title", "body", "h1", "a", "br"}
    anchors = [line for line in html.split("\n") if "<a " in line]
    assert len(anchors) == len(page.files)
    assert all(line.endswith("</a><br />") for line in anchors)
