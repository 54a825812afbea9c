"""Everything at once for some seconds; ``benchmarks/soak`` does the same for ten minutes."""

from __future__ import annotations

import random

from soak import Soak

SECONDS = 18
GROWTH = 60
"""MB by which all processes together may grow: what a leak of each request would leave far behind."""


def test_whatever_fails_no_wrong_byte_is_served_and_nothing_is_lost(localshop):
    """Builds see a wrong answer never, and a failure only where an upstream is the reason."""
    seed = random.randrange(1_000_000)

    report = Soak(localshop, seed=seed, seconds=SECONDS).run()

    assert not report.wrong, report
    assert report.answers["200"] > 200, report
    assert report.growth < GROWTH, report
