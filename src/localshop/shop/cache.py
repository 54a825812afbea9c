"""Things kept in memory, the longest unused thrown out first, bounded by what they weigh."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """A least-recently-used mapping of at most ``limit`` units of weight.

    A value may be that of one state of a thing: the one of another state takes its place, and is not
    kept beside it until it is pushed out.
    """

    __slots__ = ("_items", "_limit", "_weight")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._weight = 0
        self._items: OrderedDict[Hashable, tuple[Value, int, Hashable]] = OrderedDict()

    def get(self, key: Hashable, *, state: Hashable = None) -> Value | None:
        """What is kept under this key, if it still is, and is of this state."""
        item = self._items.get(key)
        if item is None or item[2] != state:
            return None
        self._items.move_to_end(key)
        return item[0]

    def put(self, key: Hashable, value: Value, *, weight: int = 1, state: Hashable = None) -> None:
        """Keep a value; others go if it is too much together."""
        self.drop(key)
        self._items[key] = (value, weight, state)
        self._weight += weight
        while self._weight > self._limit and len(self._items) > 1:
            _, (_, gone, _) = self._items.popitem(last=False)
            self._weight -= gone

    def drop(self, key: Hashable) -> None:
        """Forget what is kept under this key."""
        item = self._items.pop(key, None)
        if item is not None:
            self._weight -= item[1]

    def clear(self) -> None:
        """Forget everything."""
        self._items.clear()
        self._weight = 0
