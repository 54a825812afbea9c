"""Refusals on their way into the journal: every one is counted, few lines tell of many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localshop.catalog.records import Refused
from localshop.shop.refusals import Refusals

ONE = st.builds(
    Refused,
    slug=st.sampled_from(["no-right", "quarantined"]),
    repository=st.sampled_from(["default", "other"]),
    who=st.sampled_from(["", "alice"]),
    address=st.one_of(st.just(""), st.integers(0, 5000).map(str)),
)


@given(st.lists(st.tuples(ONE, st.floats(0, 100), st.booleans()), max_size=200))
def test_none_is_lost_and_none_is_counted_twice(steps):
    """Whatever comes when, and whenever it is written down or could not be."""
    refusals, now, written = Refusals(), 1e9, 0
    for one, later, works in steps:
        now += later
        refusals.note(one, now)
        batch = refusals.take(now)
        if works:
            written += sum(tally.amount for tally in batch.values())
        else:
            refusals.put_back(batch)
    written += sum(tally.amount for tally in refusals.take(now, all_of_it=True).values())
    assert written == len(steps)


def test_a_flood_is_told_in_few_lines():
    """Ten million addresses that are refused are no reason for ten million lines."""
    refusals, lines, times = Refusals(), 0, 0
    for second in range(0, 3600, 30):
        for number in range(700):
            refusals.note(Refused("no-right", "default", address=f"{second}.{number}"), 1e9 + second)
        batch = refusals.take(1e9 + second)
        lines += len(batch)
        times += sum(tally.amount for tally in batch.values())
    rest = refusals.take(1e9 + 3600, all_of_it=True)
    assert lines + len(rest) < 1300
    assert times + sum(tally.amount for tally in rest.values()) == 120 * 700
