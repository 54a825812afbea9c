"""Lock files: each names its files exactly, whichever tool wrote it; broken ones get a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localshop.errors import BadInput
from localshop.protocol.locks import Locked, read_lock

A, B = "a" * 64, "b" * 64
WHEEL, SDIST = "acme_demo-1.0+cpu-py3-none-any.whl", "acme_demo-1.0+cpu.tar.gz"
FILES = [Locked("acme-demo", SDIST, A), Locked("acme-demo", WHEEL, B)]

UV = f"""
version = 1
revision = 3
requires-python = ">=3.11"
resolution-markers = ["python_full_version >= '3.12'"]

[[package]]
name = "acme-demo"
version = "1.0+cpu"
source = {{ registry = "https://index.example/simple" }}
sdist = {{ url = "https://files.example/a/acme_demo-1.0%2Bcpu.tar.gz#frag", hash = "sha256:{A}", size = 3 }}
wheels = [
    {{ url = "http://127.0.0.1:8000/b/acme_demo-1.0%2Bcpu-py3-none-any.whl", hash = "sha256:{B}" }},
]

[[package]]
name = "app"
source = {{ virtual = "." }}

[[package]]
name = "from-git"
source = {{ git = "https://host.example/x?rev=1#abc" }}
"""
PYLOCK = f"""
lock-version = "1.0"
created-by = "tool"

[[packages]]
name = "acme-demo"
version = "1.0+cpu"
sdist = {{ name = "{SDIST}", url = "https://files.example/x", hashes = {{ sha256 = "{A}", md5 = "0" }} }}
wheels = [
    {{ url = "https://files.example/acme_demo-1.0%2Bcpu-py3-none-any.whl", hashes = {{ sha256 = "{B}" }} }},
]

[[packages]]
name = "app"
directory = {{ path = "." }}

[[packages]]
name = "from-git"
vcs = {{ type = "git", url = "https://host.example/x", commit-id = "abc" }}
"""
POETRY = f"""
[[package]]
name = "Acme.Demo"
version = "1.0+cpu"
files = [
    {{file = "{SDIST}", hash = "sha256:{A}"}},
    {{file = "{WHEEL}", hash = "sha256:{B}"}},
]
[package.source]
type = "legacy"
url = "https://index.example/simple"
reference = "shop"

[[package]]
name = "app"
files = []
[package.source]
type = "directory"
url = "."

[[package]]
name = "from-git"
files = []
[package.source]
type = "git"
url = "https://host.example/x"

[metadata]
lock-version = "2.1"
content-hash = "0"
"""
PDM = f"""
[metadata]
groups = ["default"]
lock_version = "4.5.0"

[[package]]
name = "acme-demo"
version = "1.0+cpu"
files = [
    {{file = "{SDIST}", hash = "sha256:{A}"}},
    {{url = "https://files.example/acme_demo-1.0%2Bcpu-py3-none-any.whl", hash = "sha256:{B}"}},
]

[[package]]
name = "app"
path = "."

[[package]]
name = "from-git"
git = "https://host.example/x"
"""


@pytest.mark.parametrize("text", [UV, PYLOCK, POETRY, PDM], ids=["uv", "pylock", "poetry", "pdm"])
def test_the_files_of_a_lock_file_are_found_whatever_their_urls(text):
    lock = read_lock(text.encode(), "the.lock")
    assert sorted(lock.files, key=lambda one: one.sha256) == FILES
    assert [sentence.split()[0] for sentence in lock.skipped] == ["app", "from-git"]


def test_digests_of_another_kind_are_no_digests_to_us():
    lock = read_lock(UV.replace(f"sha256:{A}", "md5:00").encode(), "the.lock")
    assert lock.files[1].sha256 is None or lock.files[0].sha256 is None


def test_old_kinds_of_files_are_told_and_passed_over():
    lock = read_lock(POETRY.replace(SDIST, "acme_demo-1.0.egg").encode(), "the.lock")
    assert len(lock.files) == 1
    assert "acme_demo-1.0.egg" in lock.skipped[0]


def packages(inner):
    return f"version = 1\n[[package]]\nname = 'x'\n{inner}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no lock file of a known kind"),
        ("a =", "is no TOML"),
        ("a = " + "[" * 50_000, "is no TOML"),
        ("a = " + "1" * 5_000, "is no TOML"),
        ("[tool.poetry]\nname = 'pyproject'", "no lock file of a known kind"),
        ("version = 1\npackage = 3", "no lock file of a known kind"),
        ("version = 1\npackage = [3]", "package without a name"),
        ("version = 1\n[[package]]\nname = 3", "package without a name"),
        (packages("source = 'x'"), "source of 'x'"),
        (packages("wheels = 3"), "no list"),
        (packages("files = [3]"), "file without a name"),
        (packages("files = [{}]"), "file without a name"),
        (packages("sdist = 3"), "file without a name"),
        (packages("files = [{url = 'http://[/x-1.tar.gz'}]"), "no address"),
        (packages("files = [{file = 'x-1.tar.gz', hash = 3}]"), "has the hash 3"),
        (packages("files = [{file = 'x-1.tar.gz', hash = 'sha256:../..'}]"), "which is none"),
        ("version = 1\n[[package]]\nname = '../x'\nfiles = [{file = 'x-1.tar.gz'}]", "no name of a project"),
        ("lock-version = '1.0'", "created-by"),
        ("lock-version = 1", "is no pylock.toml"),
        ("lock-version = '9.0'\ncreated-by = 'x'\npackages = []", "not supported"),
        ("lock-version = '1.0'\ncreated-by = 'x'\npackages = [{name = 'x'}]", "is no pylock.toml"),
    ],
)
def test_what_is_broken_is_refused_in_a_sentence(text, told):
    with pytest.raises(BadInput) as caught:
        read_lock(text.encode(), "the.lock")
    assert caught.value.sentence.startswith("the.lock")
    assert told in caught.value.sentence


def test_no_text_is_refused_in_a_sentence():
    with pytest.raises(BadInput, match="is no TOML"):
        read_lock(b"\xff\xfe\x00", "the.lock")


TOML = st.recursive(
    st.sampled_from(['"x"', '"x-1.tar.gz"', "1", "true", "[]", "{}", '"sha256:0"', "1979-05-27"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(
            st.sampled_from(["name", "url", "file", "hash", "type", "hashes"]), inner, max_size=3
        ).map(lambda pairs: "{" + ", ".join(f"{key} = {value}" for key, value in pairs.items()) + "}"),
    ),
    max_leaves=4,
)
KEYS = st.sampled_from(
    ["source", "sdist", "wheels", "files", "name", "version", "vcs", "marker", "archive", "requires-python"]
)


@given(
    st.sampled_from(["version = 1", "lock-version = '1.0'\ncreated-by = 'x'"]), st.dictionaries(KEYS, TOML)
)
def test_any_table_is_read_or_refused_in_a_sentence(head, pairs):
    """No shape that a tool or an attacker could write ends in a traceback."""
    list_name = "packages" if "lock" in head else "package"
    lines = [head, f"[[{list_name}]]", *(f"{key} = {value}" for key, value in pairs.items())]
    try:
        read_lock("\n".join(lines).encode(), "the.lock")
    except BadInput as error:
        assert error.sentence.startswith("the.lock")  # noqa: PT017
