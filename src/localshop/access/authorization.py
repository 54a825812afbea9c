"""What a client presents of itself in the Authorization header."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field, replace

_LONGEST = 4096
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-?)(?:[0-9A-Fa-f]{4}\1){3}[0-9A-Fa-f]{12}\Z")


@dataclass(frozen=True, slots=True)
class Presented:
    """A name and a secret, as they were sent; nothing is checked yet.

    ``access_key`` empty: the secret key alone. ``username``: what a person could be called, empty
    when the pair can only be a credential.
    """

    access_key: str
    secret: str = field(repr=False)
    username: str = ""


def presented(header: bytes | None) -> Presented | None:
    """Read an Authorization header; None when there is none or it is not one that we understand.

    Understood are ``Basic name:secret``, ``Basic __token__:…`` (PyPI's convention for tokens) and
    ``Bearer …``; a token is ``<access key>:<secret key>`` or the secret key alone.
    """
    if header is None or len(header) > _LONGEST:
        return None
    scheme, _, value = header.partition(b" ")
    scheme = scheme.lower()
    try:
        if scheme in {b"bearer", b"token"}:
            return _token(value.strip().decode("ascii"))
        if scheme != b"basic":
            return None
        name, colon, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    if not colon:
        return None
    if name == "__token__":
        return _token(secret)
    return Presented(access_key=name, secret=secret, username=name)


def old_keys(shown: Presented) -> Presented | None:
    """The keys of a credential of the old localshop, in the form in which we keep them; None for others.

    They were UUIDs, and were taken with and without dashes, in capitals and small letters.
    """
    if not _UUID.match(shown.access_key) or not _UUID.match(shown.secret):
        return None
    access_key, secret = (one.replace("-", "").lower() for one in (shown.access_key, shown.secret))
    return replace(shown, access_key=access_key, secret=secret)


def _token(token: str) -> Presented:
    access_key, colon, secret = token.partition(":")
    return (
        Presented(access_key=access_key, secret=secret) if colon else Presented(access_key="", secret=token)
    )
