"""Every metric is explained on its page, as it is declared."""

from __future__ import annotations

from pathlib import Path

from localshop.observe.metrics import METRICS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


def test_the_page_has_every_metric_as_it_is():
    """Somebody who builds a dashboard reads there what he gets."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    expected = []
    for one in METRICS:
        labels = ", ".join(f"`{name}`" for name in one.labels)
        expected.append(f"| `localshop_{one.name}` | {one.kind} | {labels} | {one.about} |")
    assert [line for line in lines if line.startswith("| `localshop_")] == expected
