"""The upstream of the benchmarks, as a process: the tests' fake index on loopback, filled.

    python benchmarks/upstream.py FILES [FILES ...]

holds a project ``sample-FILES`` with so many files, two thirds of them wheels, and a project ``big`` with
one wheel of 50 MB. It says on one line of JSON where it is, ``json`` and ``html``, and ends when its
standard input does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from distributions import sdist, wheel
from fake_upstream import FakeUpstream

_COMPILED = "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"
_WHEEL_SIZE = 20_000
_BIG = 50_000_000


def fill(upstream, count):
    """Two wheels and an sdist for each version, like those of a project with a compiled part."""
    project = f"sample-{count}"
    for number in range(count):
        version = f"{number // 300}.{number // 3 % 100}.0"
        if number % 3 == 2:
            built = sdist(project, version, requires_python=">=3.9")
        else:
            tag = _COMPILED if number % 3 else "py3-none-any"
            # The first one is asked for as a file, too.
            size = _WHEEL_SIZE if number == 0 else 1
            built = wheel(project, version, tag=tag, requires_python=">=3.9", size=size)
        upstream.add(built, upload_time=f"2024-01-02T03:{number // 60 % 60:02}:{number % 60:02}.123456Z")


def main():
    """Serve until nobody needs it any more."""
    with FakeUpstream() as as_json, FakeUpstream() as as_html:
        as_html.html_only = True
        for count in map(int, sys.argv[1:]):
            fill(as_json, count)
            fill(as_html, count)
        as_json.add(wheel("big", "1.0", size=_BIG))
        print(json.dumps({"json": as_json.url, "html": as_html.url}), flush=True)
        sys.stdin.read()


main()
