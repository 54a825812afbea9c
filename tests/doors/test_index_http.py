"""The index as HTTP: what clients and caches between rely on, header by header."""

from __future__ import annotations

import gzip
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distributions import sdist, wheel
from localshop.catalog import repositories
from threads import in_thread

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
PIP = f"{JSON}, {HTML}; q=0.1, text/html; q=0.01"
UV = f"{JSON}, {HTML};q=0.2, text/html;q=0.01"


@pytest.fixture
async def demo(browser, upstream):
    held = upstream.add(wheel("demo", "1.0"))
    upstream.add(sdist("demo", "1.0"))
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})
    assert (await browser.get(f"/repo/default/{held.distribution.path}")).status == 200
    return held


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (PIP, JSON),
        (UV, JSON),
        (f"{JSON}, */*;q=0.1", JSON),
        ("*/*", "text/html; charset=utf-8"),
        ("", "text/html; charset=utf-8"),
        (None, "text/html; charset=utf-8"),
        ("text/html", "text/html; charset=utf-8"),
        (HTML, HTML),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"),
        ("image/png", "text/html; charset=utf-8"),
        (f"{JSON};q=0, text/html", "text/html; charset=utf-8"),
    ],
)
async def test_each_client_gets_the_type_that_it_reads(browser, demo, accept, content_type):
    headers = {} if accept is None else {"Accept": accept}
    for path in ("/repo/default/demo/", "/repo/default/"):
        answer = await browser.get(path, headers=headers)
        assert answer.headers["content-type"] == content_type
        assert answer.headers["vary"] == "Accept, Accept-Encoding"


async def test_the_format_can_be_named_in_the_url(browser, demo):
    answer = await browser.get(f"/repo/default/demo/?format={JSON.replace('+', '%2B')}")
    assert answer.headers["content-type"] == JSON
    assert (await browser.get("/repo/default/demo/?format=nonsense")).status == 406


@pytest.mark.parametrize(
    "path", ["/repo/default/demo/", "/repo/default/", "/simple/demo/", "/repo/default/+simple/demo/"]
)
async def test_every_representation_has_a_strong_etag_of_its_own(browser, demo, path):
    """uv ignores weak ETags, and a cache that mixes up encodings breaks clients."""
    etags = set()
    for accept in (JSON, HTML, "text/html"):
        for encoding in ("gzip", "identity"):
            headers = {"Accept": accept, "Accept-Encoding": encoding}
            answer = await browser.get(path, headers=headers)
            assert answer.headers["etag"].startswith('"')
            assert answer.headers.get("content-encoding") == ("gzip" if encoding == "gzip" else None)
            assert answer.headers["cache-control"] == "no-cache"
            assert int(answer.headers["content-length"]) == len(answer.body)
            body = gzip.decompress(answer.body) if encoding == "gzip" else answer.body
            assert body.startswith(b"{") == (accept == JSON)
            etags.add(answer.headers["etag"])

            again = await browser.get(
                path, headers={**headers, "If-None-Match": f'"x", W/{answer.headers["etag"]}'}
            )
            assert again.status == 304
            for name in ("etag", "cache-control", "vary"):
                assert again.headers[name] == answer.headers[name]
    assert len(etags) == 6


@pytest.mark.parametrize(
    "prefix", ["/repo/default", "/simple", "/repo/default/+simple", "/repo/default/%2Bsimple"]
)
async def test_all_doors_to_the_index_show_the_same(browser, demo, prefix):
    """Renovate, hatch, uv and pip each know another form of the URL."""
    here = await browser.get(f"{prefix}/demo/", headers={"Accept": JSON})
    main = await browser.get("/repo/default/demo/", headers={"Accept": JSON})
    assert here == main
    assert (await browser.get(f"{prefix}/", headers={"Accept": JSON})).json()["projects"] == [
        {"name": "demo"}
    ]


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/repo/default/DeMo/", "/repo/default/demo/"),
        ("/repo/default/demo", "/repo/default/demo/"),
        ("/simple/De.__Mo/?a=b&c=%20d", "/simple/de-mo/?a=b&c=%20d"),
        ("/repo/default/+simple/Demo/", "/repo/default/+simple/demo/"),
        ("/repo/default", "/repo/default/"),
        ("/simple", "/simple/"),
    ],
)
async def test_other_spellings_lead_to_the_one_url(browser, demo, path, location):
    answer = await browser.get(path)
    assert (answer.status, answer.headers["location"]) == (301, location)


async def test_head_says_what_get_says(browser, demo):
    for path in (
        "",
        "demo/",
        "nothing/",
        demo.distribution.path,
        f"{demo.distribution.path}.metadata",
        "DEMO/",
    ):
        get = await browser.get(f"/repo/default/{path}")
        head = await browser.head(f"/repo/default/{path}")
        assert (head.status, head.headers) == (get.status, get.headers)


async def test_a_file_is_inert_in_a_browser_and_whole_for_a_client(browser, demo):
    """A wheel may hold a page with a script; nobody's browser may run it in our name."""
    answer = await browser.get(f"/repo/default/{demo.distribution.path}", headers={"Accept-Encoding": "gzip"})
    assert answer.body == demo.body
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "public, max-age=365000000, immutable"
    assert "content-encoding" not in answer.headers


async def test_ranges_of_a_stored_file(browser, demo):
    """pip and uv resume, poetry reads the end first."""
    url = f"/repo/default/{demo.distribution.path}"
    size = len(demo.body)
    etag = f'"{demo.distribution.sha256}"'
    for asked, status, body in [
        ("bytes=0-9", 206, demo.body[:10]),
        ("bytes=10-", 206, demo.body[10:]),
        ("bytes=-10", 206, demo.body[-10:]),
        (f"bytes={size}-", 416, b""),
        ("bytes=0-1,3-4", 200, demo.body),
        ("bytes=5-2", 200, demo.body),
    ]:
        answer = await browser.get(url, headers={"Range": asked})
        assert (answer.status, answer.body) == (status, body), asked
    assert (await browser.get(url, headers={"Range": "bytes=0-9", "If-Range": etag})).status == 206
    assert (await browser.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'})).status == 200


async def test_plus_signs_may_be_encoded_or_not(browser, upstream):
    """pip encodes them in local versions, uv does not."""
    held = upstream.add(wheel("demo", "1.0+local.1"))
    for name in (held.filename, held.filename.replace("+", "%2B")):
        path = held.distribution.path.replace(held.filename, name)
        assert (await browser.get(f"/repo/default/{path}")).status == 302
        assert (await browser.get(f"/repo/default/{path}.metadata")).status == 200


HOSTILE = [
    "..", "%2e%2e", "%252e%252e", "..%2f..%2fetc%2fpasswd", "%2e%2e%2f", "..\\..", "%5c..", "%00", "a%00b",
    "%c0%ae%c0%ae", "demo;x", "demo%0d%0aX-Injected:1", "%ff", "demo%2fx", "-demo", "demo%20", "//evil",
    "%3f", "%23",
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_paths_mean_what_they_say_or_nothing(browser, demo, upstream, hostile):
    """No spelling of a path leads out of the index, or upstream under another name."""
    upstream.forget()
    directory = demo.distribution.path.rpartition("/")[0]
    for path in (
        f"/repo/default/{hostile}/",
        f"/repo/default/{hostile}",
        f"/repo/{hostile}/demo/",
        f"/simple/{hostile}/",
        f"/repo/default/packages/{hostile}/bb/cc/demo-1.0.tar.gz",
        f"/repo/default/{directory}/{hostile}",
        f"/repo/default/{directory}/{hostile}.metadata",
    ):
        answer = await browser.get(path)
        assert answer.status in {400, 404}, path
        assert "root:" not in answer.text
        assert "x-injected" not in answer.headers
    assert upstream.count() == 0


@pytest.mark.parametrize("name", ["legacy", "packages", "pypi", "simple", "json", "files"])
async def test_one_segment_is_always_a_project(browser, upstream, name):
    """A project must not become unreachable because of what it is called."""
    upstream.add(wheel(name, "1.0"))
    assert (await browser.get(f"/repo/default/{name}/")).status == 200


async def test_every_answer_says_how_to_cache_it(browser, demo):
    for path in (
        "/repo/default/",
        "/repo/default/nothing/",
        "/repo/none/",
        "/repo/default/a/b/c",
        "/simple/DEMO/",
    ):
        assert "cache-control" in (await browser.get(path)).headers, path


async def test_other_methods_are_told_what_is_possible(browser, demo):
    answer = await browser.ask("DELETE", "/repo/default/demo/", peer="203.0.113.9")
    assert answer.status == 401


async def test_file_urls_do_not_depend_on_the_host(browser, demo):
    """The same bytes serve every host name, and a forged Host header poisons nothing."""
    page = await browser.get("/repo/default/demo/", headers={"Accept": JSON, "Host": "evil.example"})
    for file in page.json()["files"]:
        assert re.match(r"/repo/default/packages/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/demo-1\.0", file["url"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(raw=st.text(alphabet="abz09-._~%/+2fF5cC0eE\\;:@", max_size=40))
def test_no_path_breaks_the_routes(raw):
    from localshop.index.routes import parse

    for prefix in ("/repo/default/", "/simple/", "/repo/", "/"):
        route = parse(f"{prefix}{raw}".encode())
        if route is not None:
            assert "/" not in route.filename
            assert ".." not in route.path.split("/")
