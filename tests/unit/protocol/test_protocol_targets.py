"""Machines: which wheels a Python on a platform can use, and which markers hold there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker

from localshop.errors import BadInput
from localshop.protocol.targets import target


@pytest.mark.parametrize(
    ("python", "platform", "tag"),
    [
        ("3.11", "manylinux_2_17_x86_64", "cp311-cp311-manylinux2014_x86_64"),
        ("3.11", "manylinux_2_17_x86_64", "cp39-abi3-manylinux_2_5_x86_64.manylinux1_x86_64"),
        ("3.11", "manylinux2014_aarch64", "cp311-cp311-manylinux_2_17_aarch64"),
        ("3.11", "manylinux_2_17_x86_64", "cp311-cp311-linux_x86_64"),
        ("3.11", "manylinux_2_17_x86_64", "py2.py3-none-any"),
        ("3.12.4", "musllinux_1_2_aarch64", "cp312-cp312-musllinux_1_1_aarch64"),
        ("3.12", "macosx_14_0_arm64", "cp312-cp312-macosx_11_0_universal2"),
        ("3.12", "macosx_10_15_x86_64", "cp312-cp312-macosx_10_9_x86_64"),
        ("3.13", "win_amd64", "cp313-cp313-win_amd64"),
        ("3.13t", "win32", "cp313-cp313t-win32"),
        ("3.7", "win32", "cp37-cp37m-win32"),
    ],
)
def test_a_wheel_is_usable(python, platform, tag):
    assert target(python, platform).rank(f"demo-1.0-{tag}.whl") is not None


@pytest.mark.parametrize(
    "tag",
    [
        "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux2014_aarch64",
        "cp312-cp312-manylinux2014_x86_64", "cp311-cp311-musllinux_1_1_x86_64",
        "cp312-abi3-manylinux2014_x86_64", "cp311-cp311t-manylinux2014_x86_64",
        "py2-none-any", "pp311-pypy311_pp73-manylinux2014_x86_64",
    ],
)  # fmt: skip
def test_a_wheel_is_not_usable(tag):
    assert target("3.11", "manylinux_2_17_x86_64").rank(f"demo-1.0-{tag}.whl") is None


def test_the_more_exact_wheel_is_liked_better():
    linux = target("3.11", "manylinux_2_28_x86_64")
    tags = ["cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux2014_x86_64", "py3-none-any"]
    ranks = [linux.rank(f"demo-1.0-{tag}.whl") for tag in tags]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    ("platform", "marker"),
    [
        ("manylinux2014_x86_64", "sys_platform == 'linux' and platform_machine == 'x86_64'"),
        ("musllinux_1_2_aarch64", "os_name == 'posix' and platform_machine == 'aarch64'"),
        ("macosx_14_0_arm64", "platform_system == 'Darwin' and platform_machine == 'arm64'"),
        ("win_amd64", "os_name == 'nt' and platform_machine == 'AMD64'"),
        ("win32", "python_full_version == '3.11.0' and implementation_name == 'cpython'"),
    ],
)
def test_markers_are_those_of_the_platform_and_not_of_this_machine(platform, marker):
    assert target("3.11", platform).applies(Marker(marker))
    assert not target("3.10", "manylinux_2_17_s390x").applies(Marker(marker))


def test_extras_are_judged_beside_none_at_all():
    linux = target("3.11", "manylinux_2_17_x86_64")
    assert linux.applies(Marker("extra == 'nice'"), ["Nice"])
    assert linux.applies(Marker("extra != 'nice'"), ["nice"])
    assert not linux.applies(Marker("extra == 'nice'"))
    assert linux.applies(None)


def test_a_marker_that_cannot_be_judged_holds():
    """A file too many is better than one that is missing behind the gap."""
    assert target("3.11", "win32").applies(Marker("'x' in extras"))


@pytest.mark.parametrize("python", ["", "3", "2.7", "3.x", "3.11.x", "3.123", "cp311", "3.11\n", "٣.11"])
def test_a_python_that_is_none_is_refused_with_a_sentence(python):
    with pytest.raises(BadInput, match="no version of Python"):
        target(python, "win32")


@pytest.mark.parametrize(
    "platform",
    ["", "linux", "linux_x86_64", "manylinux_3_1_x86_64", "manylinux2014", "macosx_14_0_ppc", "WIN32"],
)
def test_a_platform_that_is_none_is_refused_with_a_sentence(platform):
    with pytest.raises(BadInput, match="manylinux_2_28_x86_64"):
        target("3.11", platform)


@given(st.text(max_size=60))
def test_no_file_name_makes_it_stumble(text):
    assert target("3.11", "win32").rank(f"{text}.whl") is None or "-" in text


def test_tags_that_multiply_cost_nothing():
    """A page may say what it wants; a million combinations must not be looked at."""
    many = ".".join(f"py{number}" for number in range(100))
    assert target("3.11", "win32").rank(f"demo-1.0-{many}-{many}-{many}.whl") is None
