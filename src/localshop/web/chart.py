"""A small bar chart: what a template needs to draw it as SVG, made of numbers by day. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

HEIGHT = 48
_STEP = 10
_BAR = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """One day; the rest is in units of the picture."""

    day: date
    amount: int
    x: int
    y: int
    height: int
    width: int = _BAR


@dataclass(frozen=True, slots=True)
class Chart:
    """Days without a gap, the oldest first."""

    bars: Sequence[Bar]
    most: int
    total: int
    width: int
    height: int = HEIGHT


def chart(amounts: Iterable[tuple[date, int]], *, since: date, until: date) -> Chart:
    """Bars for each day from ``since`` to ``until``, both included; days that are not told have nothing.

    The highest bar is as high as the picture, and whatever is more than nothing can be seen.
    """
    known = dict(amounts)
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    values = [known.get(day, 0) for day in days]
    most = max(values, default=0)
    bars = []
    for number, (day, amount) in enumerate(zip(days, values, strict=True)):
        height = max(1, round(amount * HEIGHT / most)) if amount else 0
        bars.append(Bar(day, amount, x=number * _STEP, y=HEIGHT - height, height=height))
    return Chart(bars, most=most, total=sum(values), width=max(1, len(days) * _STEP - (_STEP - _BAR)))
