"""What a client presents of itself in the Authorization header."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

_LONGEST = 4096


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


def _token(token: str) -> Presented:
    access_key, colon, secret = token.partition(":")
    return (
        Presented(access_key=access_key, secret=secret) if colon else Presented(access_key="", secret=token)
    )
