"""Mixed load with faults and deaths, for as long as one likes: see ``tests/soak.py``."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from processes import conditions

# Before what is here: there is a ``servers`` in both, and the one of the tests is meant.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from command_line import CommandLine
from soak import Soak


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--visitors", type=int, default=8)
    options = parser.parse_args()
    print(conditions(), f"Seed {options.seed}.", flush=True)
    with tempfile.TemporaryDirectory(prefix="localshop-soak-") as place:
        home = CommandLine(Path(place) / "home")
        report = Soak(home, seed=options.seed, seconds=options.seconds, visitors=options.visitors).run()
    print(report)
    sys.exit(bool(report.wrong))


if __name__ == "__main__":
    main()
