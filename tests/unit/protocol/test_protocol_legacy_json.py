"""The legacy JSON API's documents: every key that clients read, the right release, whatever METADATA is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.protocol.legacy_json import Told, document, latest, releases_of, spelled
from localshop.protocol.pages import Page, Shown, versions_of
from localshop.protocol.writers import page_json

METADATA = b"""\
Metadata-Version: 2.4
Name: Demo
Version: 1.0
Summary: A demo
Author: A. Nobody
Author-email: nobody@example.com
Maintainer: UNKNOWN
License-Expression: MIT
License-File: LICENSE
Keywords: one,two
Platform: any
Home-page: https://demo.example/
Download-URL: https://demo.example/get
Project-URL: Source, https://demo.example/source
Classifier: Programming Language :: Python
Requires-Dist: other>=2
Requires-Dist: more; extra == 'all'
Requires-Python: >=3.9
Provides-Extra: all
Dynamic: License-File
Description-Content-Type: text/markdown

# Demo
"""
INFO = {
    *("author", "author_email", "bugtrack_url", "classifiers", "description", "description_content_type"),
    *("docs_url", "download_url", "downloads", "dynamic", "home_page", "keywords", "license"),
    *("license_expression", "license_files", "maintainer", "maintainer_email", "name", "package_url"),
    *("platform", "project_url", "project_urls", "provides_extra", "release_url", "requires_dist"),
    *("requires_python", "summary", "version", "yanked", "yanked_reason"),
}
FILE = {
    *("comment_text", "core-metadata", "digests", "downloads", "filename", "has_sig", "md5_digest"),
    *("packagetype", "python_version", "requires_python", "size", "upload_time", "upload_time_iso_8601"),
    *("url", "yanked", "yanked_reason"),
}


def page_of(*files):
    names = [shown.filename for shown in files]
    return json.loads(page_json(Page("demo", files, versions_of(names, "demo"))))


def wheel(version, *, tag="py3-none-any", **says):
    filename = f"demo-{version}-{tag}.whl"
    return Shown(filename, f"/repo/default/packages/aa/bb/cc/{filename}", **says)


def sdist(version, **says):
    return Shown(f"demo-{version}.tar.gz", f"/repo/default/packages/aa/bb/dd/demo-{version}.tar.gz", **says)


def made(page, version=None, *, metadata=b"", origin=""):
    releases = releases_of(page)
    told = Told(serial=7, metadata=metadata, origin=origin, base=f"{origin}/repo/default/")
    wanted = latest(releases) if version is None else version
    return json.loads(document(page, releases, wanted, whole=version is None, told=told))


def test_a_document_has_all_that_pypi_documents_and_nothing_else():
    """Scripts take keys for granted that they have never seen missing."""
    told = {"sha256": "a" * 64, "size": 5, "upload_time": "2024-01-02T03:04:05.678901Z"}
    page = page_of(wheel("1.0", requires_python=">=3.9", core_metadata="b" * 64, **told), sdist("0.9"))
    whole = made(page, metadata=METADATA, origin="https://shop.example")

    assert whole.keys() == {*("info", "last_serial", "ownership", "releases", "urls", "vulnerabilities")}
    assert whole["ownership"] == {"organization": None, "roles": []}
    assert (whole["last_serial"], whole["vulnerabilities"]) == (7, [])
    assert whole["info"].keys() == INFO
    assert whole["info"]["downloads"] == {"last_day": -1, "last_month": -1, "last_week": -1}
    assert list(whole["releases"]) == ["0.9", "1.0"]
    [file] = whole["urls"]
    assert whole["releases"]["1.0"] == [file]
    assert file == {
        "comment_text": "",
        "core-metadata": {"sha256": "b" * 64},
        "digests": {"blake2b_256": None, "md5": None, "sha256": "a" * 64},
        "downloads": -1,
        "filename": "demo-1.0-py3-none-any.whl",
        "has_sig": False,
        "md5_digest": None,
        "packagetype": "bdist_wheel",
        "python_version": "py3",
        "requires_python": ">=3.9",
        "size": 5,
        "upload_time": "2024-01-02T03:04:05",
        "upload_time_iso_8601": "2024-01-02T03:04:05.678901Z",
        "url": "https://shop.example/repo/default/packages/aa/bb/cc/demo-1.0-py3-none-any.whl",
        "yanked": False,
        "yanked_reason": None,
    }
    assert file.keys() == FILE

    assert made(page, "0.9").keys() == whole.keys() - {"releases"}


def test_info_says_what_metadata_says():
    info = made(page_of(wheel("1.0")), metadata=METADATA)["info"]
    expected = {
        "author": "A. Nobody",
        "author_email": "nobody@example.com",
        "classifiers": ["Programming Language :: Python"],
        "description": "# Demo\n",
        "description_content_type": "text/markdown",
        "download_url": "https://demo.example/get",
        "dynamic": ["License-File"],
        "home_page": "https://demo.example/",
        "keywords": "one,two",
        "license": "",
        "license_expression": "MIT",
        "license_files": ["LICENSE"],
        "maintainer": "",
        "name": "Demo",
        "platform": "any",
        "project_urls": {
            "Homepage": "https://demo.example/",
            "Download": "https://demo.example/get",
            "Source": "https://demo.example/source",
        },
        "provides_extra": ["all"],
        "requires_dist": ["other>=2", "more; extra == 'all'"],
        "requires_python": ">=3.9",
        "summary": "A demo",
        "version": "1.0",
        "package_url": "/repo/default/demo/",
        "release_url": "/repo/default/pypi/demo/1.0/json",
    }
    assert {**info, **expected} == info


def test_what_is_not_known_does_not_make_renovate_refuse_the_rest():
    """It wants texts where it expects texts, and no null for a time; Dependabot wants no empty time."""
    whole = made(page_of(sdist("1.0", requires_python=">=3.8")))
    assert whole["info"].keys() == INFO
    assert (whole["info"]["home_page"], whole["info"]["project_urls"]) == ("", {})
    assert (whole["info"]["name"], whole["info"]["requires_python"]) == ("demo", ">=3.8")
    [file] = whole["urls"]
    assert file.keys() == FILE - {"upload_time", "upload_time_iso_8601"}
    assert (file["packagetype"], file["python_version"], file["size"]) == ("sdist", "source", None)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([wheel("1.0"), wheel("2.0")], "2.0"),
        ([wheel("9.0"), wheel("10.0")], "10.0"),
        ([wheel("1.0"), wheel("2.0rc1")], "1.0"),
        ([wheel("1.0"), wheel("2.0.dev1"), wheel("1.0.post1")], "1.0.post1"),
        ([wheel("1.0a1"), wheel("1.0rc1")], "1.0rc1"),
        ([wheel("1.0"), wheel("2.0", yanked=True)], "1.0"),
        ([wheel("1.0", yanked="bad"), wheel("2.0rc1")], "2.0rc1"),
        ([wheel("1.0", yanked=True), wheel("2.0", yanked="bad")], "2.0"),
        ([wheel("1.0"), wheel("2.0", yanked=True), sdist("2.0")], "2.0"),
        ([sdist("0.1"), sdist("2004d.x")], "0.1"),
        ([], ""),
    ],
)
def test_a_project_is_described_by_the_release_that_pip_would_take(files, expected):
    assert latest(releases_of(page_of(*files))) == expected


def test_a_release_is_yanked_when_all_of_it_is():
    page = page_of(
        wheel("1.0", yanked="broken"), sdist("1.0", yanked=True), wheel("2.0", yanked=True), sdist("2.0")
    )
    both = [made(page, version)["info"] for version in ("1.0", "2.0")]
    assert [(info["yanked"], info["yanked_reason"]) for info in both] == [(True, "broken"), (False, None)]
    assert [file["yanked"] for file in made(page)["urls"]] == [True, False]


def test_spellings_of_a_version_are_one_release():
    page = page_of(wheel("1.0"), sdist("1.0.0"), wheel("2.0+acme.1"))
    releases = releases_of(page)
    assert {version: len(files) for version, files in releases.items()} == {"1.0": 2, "2.0+acme.1": 1}
    assert spelled(releases, "v1") == "1.0"
    assert spelled(releases, "2.0+ACME-1") == "2.0+acme.1"
    assert spelled(releases, "3") is None
    assert spelled(releases, "not a version") is None


def test_a_page_without_files_is_a_document_without_releases():
    """A quarantined project, or a reserved name: with a 404 its client would look elsewhere."""
    whole = made(page_of())
    assert (whole["releases"], whole["urls"], whole["info"]["version"]) == ({}, [], "")


@given(
    st.binary()
    | st.lists(st.sampled_from([*METADATA.splitlines(), b"", b" x", b"Name:", b"\xff: \xff"])).map(b"\n".join)
)
def test_no_metadata_of_an_upstream_breaks_the_document(metadata):
    whole = made(page_of(wheel("1.0")), metadata=metadata)
    assert whole["info"].keys() == INFO
    assert whole["info"]["version"] == "1.0"
    json.dumps(whole, ensure_ascii=False).encode()


def test_metadata_with_endless_kinds_of_fields_is_not_read():
    """Reading takes as many steps as fields and kinds multiplied: it would keep a thread for minutes."""
    metadata = b"".join(b"Field-%d: x\n" % number for number in range(100_000)) + METADATA
    assert made(page_of(wheel("1.0")), metadata=metadata)["info"]["summary"] == ""
