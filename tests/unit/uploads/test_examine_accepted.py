"""What a company uploads is taken: from every builder, old and new, also what PyPI would not take."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import distributions
from bad_distributions import (
    INFO,
    METADATA,
    ROOT,
    SDIST,
    TAGS,
    WHEEL,
    members_of,
    sdist,
    streamed,
    wheel,
    wheel_with,
)
from localshop.uploads.examine import Examined
from raw_archives import STORED, Part, block, file, gzipped, hardlink, pax, raw_zip, symlink, tar_of

NEW = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nLicense-File: LICENSE\n\n"


def slugs(examined: Examined) -> list[str]:
    return [remark.slug for remark in examined.remarks]


def with_field(line: bytes, *, version: bytes = b"2.1") -> bytes:
    return wheel(
        {f"{INFO}/METADATA": METADATA.replace(b"2.1", version).replace(b"\n\n", b"\n" + line + b"\n\n")}
    )


def test_what_a_wheel_says_is_what_the_index_shows(judge) -> None:
    built = distributions.wheel("Demo", "1.0", requires_python=">=3.8", requires=["other>=2"])
    assert judge(built.filename, built.body) == Examined(
        filename="demo-1.0-py3-none-any.whl",
        project="demo",
        name="Demo",
        version="1.0",
        kind="wheel",
        metadata=built.metadata,
        requires_python=">=3.8",
        summary="For tests",
        remarks=(),
    )


def test_what_an_sdist_says_is_what_the_index_shows(judge) -> None:
    built = distributions.sdist("Demo", "1.0", requires_python=">=3.8")
    examined = judge(built.filename, built.body)
    assert (examined.kind, examined.metadata, examined.remarks) == ("sdist", built.metadata, ())


BACKENDS = {
    "hatchling": "hatchling.build",
    "flit": "flit_core.buildapi",
    "setuptools": "setuptools.build_meta",
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_real_builder_builds_is_taken_without_remark(judge, tmp_path: Path, backend: str) -> None:
    (tmp_path / "demo_pkg").mkdir()
    (tmp_path / "demo_pkg" / "__init__.py").write_text('"""A package."""\n\n\ndef main():\n    """Run."""\n')
    (tmp_path / "LICENSE").write_text("Do as you like.\n")
    (tmp_path / "README.md").write_text("# Demo\n\nCafé.\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        f'[build-system]\nrequires = []\nbuild-backend = "{BACKENDS[backend]}"\n'
        '[project]\nname = "demo_pkg"\nversion = "1.0"\ndescription = "A package"\nreadme = "README.md"\n'
        'requires-python = ">=3.9"\ndependencies = ["other @ https://example.com/other.zip"]\n'
        'classifiers = ["Private :: Do Not Upload"]\n'
        '[project.scripts]\ndemo = "demo_pkg:main"\n'
        "[tool.hatch.metadata]\nallow-direct-references = true\n"
    )
    # Another process, as builders change directory and warn.
    more = "" if backend == "setuptools" else "builder.build_wheel('dist')"
    build = f"import {BACKENDS[backend]} as builder; builder.build_sdist('dist'); {more}"
    (tmp_path / "dist").mkdir()
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    built = sorted((tmp_path / "dist").iterdir())

    assert built
    for path in built:
        examined = judge(path.name, path.read_bytes(), name="demo-pkg")
        assert (examined.project, examined.version, examined.requires_python) == ("demo-pkg", "1.0", ">=3.9")
        assert slugs(examined) in ([], ["file-name-spelling"])


@pytest.mark.parametrize(
    ("filename", "said"),
    [
        ("demo-1.0-1-py2.py3-none-any.whl", {}),
        ("demo-1.0-cp311-cp311-linux_x86_64.whl", {}),
        ("demo-1.0-py3-none-any.whl", {"digests": {}, "metadata_version": ""}),
        ("demo-1.0-py3-none-any.whl", {"name": "DEMO", "version": "1.0.0"}),
    ],
)
def test_names_that_are_equal_once_normalised_are_taken(judge, filename: str, said) -> None:
    tags = filename.removesuffix(".whl").split("-", 2 if filename.count("-") == 4 else 3)[-1]
    python, abi, platform = tags.split("-")
    text = TAGS.decode().partition("Tag")[0] + "".join(
        f"Tag: {each}-{abi}-{platform}\n" for each in python.split(".")
    )
    examined = judge(filename, wheel({f"{INFO}/WHEEL": text.encode()}), **said)
    assert slugs(examined) == (["digest-absent"] if "digests" in said else [])


@pytest.mark.parametrize("digest", ["md5", "sha256", "blake2_256"])
def test_each_digest_is_compared_in_either_case(judge, digest: str) -> None:
    import hashlib

    body = wheel()
    right = {
        "md5": hashlib.md5(body),
        "sha256": hashlib.sha256(body),
        "blake2_256": hashlib.blake2b(body, digest_size=32),
    }[digest].hexdigest()
    assert not judge(WHEEL, body, digests={digest: right.upper()}).remarks


def test_a_local_version_is_taken(judge) -> None:
    built = distributions.wheel("demo", "1.0+acme.1")
    assert judge(built.filename, built.body, version="1.0+acme.1").version == "1.0+acme.1"


@pytest.mark.parametrize(
    ("filename", "root", "name", "version"),
    [
        ("Foo.Bar-1.0.tar.gz", "Foo.Bar-1.0", "Foo.Bar", "1.0"),
        ("foo-bar-1.0.tar.gz", "foo-bar-1.0", "foo-bar", "1.0"),
        ("foo-bar-1.0-beta.tar.gz", "foo-bar-1.0-beta", "foo-bar", "1.0-beta"),
        ("foo_bar-1.0.0.tar.gz", "foo_bar-1.0", "foo-bar", "1.0"),
        ("foo-bar-1.0-1.tar.gz", "foo-bar-1.0.post1", "foo_bar", "1.0.post1"),
    ],
)
def test_an_sdist_as_older_tools_name_it_is_taken_with_a_remark(
    judge, filename: str, root: str, name: str, version: str
) -> None:
    text = f"Metadata-Version: 1.0\nName: {name}\nVersion: {version}\n".encode()
    examined = judge(filename, gzipped(tar_of([file(f"{root}/PKG-INFO", text)])), name=name, version=version)
    assert (examined.filename, examined.project) == (filename, "foo-bar")
    assert slugs(examined) == ["file-name-spelling"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(wheel(), [], id="plain"),
        pytest.param(wheel(wide={}), [], id="zip64 that is not needed"),
        pytest.param(wheel(comment=b"a commit"), [], id="comment of git archive"),
        pytest.param(wheel_with(Part("demo/a/", mode=0o40755)), [], id="directory"),
        pytest.param(
            wheel({f"{INFO}/RECORD.jws": b"{}", f"{INFO}/entry_points.txt": b"[demo.plugins]\na b = demo\n"}),
            [],
            id="plugins",
        ),
        pytest.param(
            raw_zip([streamed(name, data) for name, data in members_of().items()]),
            ["zip-streamed"],
            id="streamed",
        ),
        pytest.param(
            raw_zip([streamed(name, data, method=STORED) for name, data in members_of().items()]),
            ["zip-streamed"],
            id="streamed and stored",
        ),
        pytest.param(
            wheel({f"{INFO}/WHEEL": TAGS.replace(b"any", b"linux_armv7l")}), ["wheel-tags"], id="tags"
        ),
        pytest.param(
            wheel({f"{INFO}/WHEEL": TAGS.replace(b"1.0", b"1.9")}), ["wheel-version"], id="wheel 1.9"
        ),
        pytest.param(with_field(b"Keywords: x", version=b"2.6"), [], id="metadata 2.6"),
        pytest.param(with_field(b"Keywords: x", version=b"2.7"), ["metadata-version"], id="metadata 2.7"),
        pytest.param(with_field(b"Classifier: Private :: Do Not Upload"), [], id="private classifier"),
        pytest.param(with_field(b"Requires-Dist: a @ file:///srv/a.whl"), [], id="direct reference"),
        pytest.param(
            with_field(b"Requires-Dist: a >> 1", version=b"1.2"), ["metadata-field"], id="old requirement"
        ),
        pytest.param(
            with_field(b"Requires-Python: new", version=b"1.2"), ["metadata-field"], id="old python"
        ),
        pytest.param(with_field(b"License-File: COPYING"), [], id="licence file before it was a promise"),
        pytest.param(
            with_field(b"License-Expression: mine", version=b"2.4"), ["metadata-field"], id="licence"
        ),
        pytest.param(with_field(b"Color: red"), ["metadata-field"], id="unknown field"),
        pytest.param(
            wheel({f"{INFO}/METADATA": NEW, f"{INFO}/licenses/LICENSE": b"Do as you like."}),
            [],
            id="licence file",
        ),
    ],
)
def test_a_wheel_that_is_unusual_but_clear_is_taken(judge, body: bytes, expected: list[str]) -> None:
    assert slugs(judge(WHEEL, body)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            sdist(symlink(f"{ROOT}/a/x", "../y/z"), hardlink(f"{ROOT}/b", f"{ROOT}/PKG-INFO")), [], id="links"
        ),
        pytest.param(
            sdist(head=block("pax_global_header", kind=tarfile.XGLTYPE, data=pax(comment="0123abc"))),
            [],
            id="git archive",
        ),
        pytest.param(sdist(file(f"{ROOT}/caf\udce9.txt")), [], id="name in latin-1"),
        pytest.param(sdist(file(f"{ROOT}/{'long/' * 60}x")), [], id="long name"),
        pytest.param(sdist(file(f"{ROOT}/a.py"), file(f"{ROOT}/a.py", b"x")), ["tar-duplicate"], id="twice"),
        pytest.param(sdist(file(f"{ROOT}/demo.egg-info/PKG-INFO", b"Name: x")), [], id="egg-info"),
        pytest.param(gzipped(tar_of([file(f"{ROOT}/PKG-INFO", METADATA)])[:1024]), [], id="no end"),
        pytest.param(
            gzipped(tar_of([file(f"{ROOT}/PKG-INFO", METADATA)], form=tarfile.GNU_FORMAT)), [], id="GNU tar"
        ),
        pytest.param(
            gzipped(tar_of([file(f"{ROOT}/PKG-INFO", NEW), file(f"{ROOT}/LICENSE")])), [], id="licence file"
        ),
    ],
)
def test_an_sdist_that_is_unusual_but_clear_is_taken(judge, body: bytes, expected: list[str]) -> None:
    assert slugs(judge(SDIST, body)) == expected


def test_a_zip_sdist_is_taken_with_a_remark(judge) -> None:
    body = raw_zip([Part(f"{ROOT}/PKG-INFO", METADATA), Part(f"{ROOT}/setup.py", b"1/0")])
    assert slugs(judge("demo-1.0.zip", body)) == ["sdist-zip"]


def test_a_requires_python_that_nobody_can_read_is_not_shown(judge) -> None:
    """In a page it would have some installers skip the file and others fail."""
    assert judge(WHEEL, with_field(b"Requires-Python: new", version=b"1.2")).requires_python is None
    assert judge(WHEEL, with_field(b"Requires-Python: >=3,\n <4")).requires_python == ">=3, <4"


def test_a_summary_has_one_printable_line(judge) -> None:
    assert judge(WHEEL, with_field(b"Summary: one\n two\x00\x1b[31m")).summary == "one two[31m"
