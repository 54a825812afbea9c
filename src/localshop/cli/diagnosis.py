"""What ``localshop doctor`` finds, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at.

    ``level`` is ``ok``, ``note`` (worth knowing) or ``problem`` (something does not work, or is not
    safe). ``advice`` says what to do, and is empty where nothing need be done.
    """

    level: Literal["ok", "note", "problem"]
    slug: str
    sentence: str
    advice: str = ""
