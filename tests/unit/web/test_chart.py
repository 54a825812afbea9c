"""The chart: every day has its place, what is more than nothing can be seen, nothing leaves the picture."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from localshop.web.chart import HEIGHT, chart

FIRST = date(2026, 11, 1)


@given(st.dictionaries(st.integers(0, 29), st.integers(1, 10**9)))
def test_whatever_the_numbers_the_picture_holds_them(amounts):
    told = [(FIRST + timedelta(days=number), amount) for number, amount in amounts.items()]
    drawn = chart(told, since=FIRST, until=FIRST + timedelta(days=29))
    assert [bar.day for bar in drawn.bars] == [FIRST + timedelta(days=number) for number in range(30)]
    assert drawn.total == sum(amounts.values())
    for bar in drawn.bars:
        assert (bar.height > 0) == (bar.amount > 0)
        assert bar.y + bar.height == HEIGHT
        assert 0 <= bar.y <= HEIGHT
        assert bar.x + bar.width <= drawn.width
    if amounts:
        assert max(bar.height for bar in drawn.bars) == HEIGHT


def test_days_outside_are_left_out():
    drawn = chart([(FIRST - timedelta(days=1), 5)], since=FIRST, until=FIRST)
    assert (len(drawn.bars), drawn.total, drawn.most) == (1, 0, 0)
