"""An upstream that is far away, as a process: the tests' fake index, with a tree of packages to install.

    python benchmarks/far.py [--away S] [--tree N] [--pages N] [--big N] [--huge N]

``away``: seconds that a packet takes there and back; each request costs one such trip, each connection
another. ``tree``: packages that ``tree-0`` needs, itself counted, five levels deep. ``pages``: projects
``page-0`` and on, of 20 files each. ``big``: wheels of 50 MB (``big-0`` …), ``huge``: files of 500 MB. It
says where it is on a line of JSON, answers each line ``count PATTERN`` with a number, and ends when its
standard input does.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from distributions import Distribution, sdist, wheel
from fake_upstream import FakeUpstream

_LEVELS = 5
_VERSIONS = 25
_SIZES = (20_000, 20_000, 60_000, 60_000, 200_000, 600_000)
_BIG, _HUGE = 50_000_000, 500_000_000


def tree(count):
    """Of each package what it needs: package 0 needs the next few, these the next ones, and so on."""
    needs = {number: [] for number in range(count)}
    width = round(count ** (1 / _LEVELS)) + 1
    for number in range(1, count):
        needs[(number - 1) // width].append(number)
    return needs


def fill_tree(upstream, count):
    chance = random.Random(1)
    for number, needs in tree(count).items():
        requires = [f"tree-{need}>=1" for need in needs]
        for version in range(_VERSIONS):
            said = {"requires": requires, "requires_python": ">=3.9"}
            newest = version == _VERSIONS - 1
            size = chance.choice(_SIZES) if newest else 1
            upstream.add(wheel(f"tree-{number}", f"1.{version}", size=size, **said))
            upstream.add(wheel(f"tree-{number}", f"1.{version}", tag="cp39-cp39-win_amd64", **said))
            upstream.add(sdist(f"tree-{number}", f"1.{version}", **said))


def main():
    """Serve until nobody needs it any more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--away", type=float, default=0.0)
    for name in ("tree", "pages", "big", "huge"):
        parser.add_argument(f"--{name}", type=int, default=0)
    options = parser.parse_args()
    with FakeUpstream() as upstream:
        fill_tree(upstream, options.tree)
        for number in range(options.pages):
            for version in range(20):
                upstream.add(wheel(f"page-{number}", f"1.{version}"))
        held = [upstream.add(wheel(f"big-{each}", "1.0", size=_BIG)) for each in range(options.big)]
        block = random.Random(2).randbytes(1 << 20)
        for each in range(options.huge):
            body = (block * (_HUGE // len(block) + 1))[:_HUGE]
            name = f"huge-{each}"
            held.append(upstream.add(Distribution(name, "1.0", f"huge_{each}-1.0.tar.gz", body, b"")))
        upstream.frozen = True
        upstream.away = options.away
        paths = {one.distribution.normalised: one.distribution.path for one in held}
        print(json.dumps({"url": upstream.url, "base": upstream.base, "paths": paths}), flush=True)
        for line in sys.stdin:
            print(json.dumps(upstream.count(line.split()[1])), flush=True)


main()
