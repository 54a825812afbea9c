"""JSON by orjson, which takes a fifth of the time; what it refuses, by the standard library.

It refuses half of a surrogate pair, and to write a number beyond 64 bits; one that it reads becomes the
nearest float. All of that may stand in keys of an upstream's page that we do not know.
"""

from __future__ import annotations

import json
from typing import Any

import orjson


def loads(data: bytes | str) -> Any:
    """Read JSON; ValueError when it is none."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)


def dumps(value: object) -> bytes:
    """Write JSON without spaces, in UTF-8."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
