"""What is kept in memory is bounded, and what has changed does not stay beside its successor."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localshop.shop.cache import Cache


def test_another_state_takes_the_place_of_the_one_before() -> None:
    """A project that changes all day must not fill the memory with what it was."""
    cache: Cache[int] = Cache(100)
    for serial in range(1000):
        cache.put("demo", serial, weight=60, state=serial)
    assert cache.get("demo", state=999) == 999
    assert cache.get("demo", state=998) is None
    cache.put("other", 1, weight=40)
    assert cache.get("demo", state=999) == 999


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 30), st.integers(0, 2))))
def test_it_never_weighs_more_than_it_may(puts: list[tuple[int, int, int]]) -> None:
    cache: Cache[int] = Cache(50)
    for key, weight, state in puts:
        cache.put(key, weight, weight=weight, state=state)
        kept = {each: value for each in range(10) for s in range(3) if (value := cache.get(each, state=s))}
        assert sum(kept.values()) <= 50
        assert kept[key] == weight
