"""Project names: what is one, how two spellings compare, and which ones a reserved pattern covers."""

from __future__ import annotations

import re

from packaging.utils import canonicalize_name

LONGEST = 200

# Spelled out instead of ignoring case: with re.IGNORECASE alone the Kelvin sign would be a "k".
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_NORMALISED = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")


def normalise(name: str) -> str:
    """Give the one spelling under which a name is compared (PEP 503, "Normalized Names").

    Does not check the name: ask `is_name` first where it comes from outside.
    """
    return canonicalize_name(name)


def is_name(text: str) -> bool:
    """Tell whether the text is a project name (PEP 508, "Names"), in ASCII and of at most 200 characters."""
    return len(text) <= LONGEST and _NAME.match(text) is not None


def is_normalised(text: str) -> bool:
    """Tell whether the text is a project name in its normalised spelling."""
    return len(text) <= LONGEST and _NORMALISED.match(text) is not None


def matches(pattern: str, name: str) -> bool:
    """Tell whether a reserved pattern covers a project name.

    A pattern is a name, or the beginning of names followed by ``*``. Both sides are normalised, so
    ``Acme_*`` covers ``acme.tools``. As in PEP 752, ``acme-*`` covers neither ``acme`` nor ``acmeline``.
    A lone ``*`` covers every name.
    """
    wanted = normalise(name)
    if pattern.endswith("*"):
        return wanted.startswith(normalise(pattern[:-1]))
    return wanted == normalise(pattern)
