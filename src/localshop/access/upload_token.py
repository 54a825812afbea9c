"""The token by which the upload page publishes through the same door as twine.

A session never opens the index. Whoever is logged in and may upload is given this instead: it says who
he is, holds for one repository and a few minutes, and everything else is asked anew with each request.
"""

from __future__ import annotations

import time

from django.core import signing

HEADER = b"x-localshop-upload"
"""The header that carries it: a page elsewhere cannot send one along with somebody's browser."""
GOOD_FOR = 600
"""Seconds."""
_APART = 30
"""Seconds by which the clocks of several machines may differ."""
_SALT = "localshop.upload"


def make(user_id: int, repository_id: int) -> str:
    """A token for this user and this repository."""
    return signing.dumps([user_id, repository_id, int(time.time())], salt=_SALT)


def read(token: bytes, repository_id: int) -> int | None:
    """The id of the user whose token it is; None: it is forged, too old, or for another repository."""
    try:
        user_id, made_for, at = signing.loads(token.decode("ascii"), salt=_SALT)
    except (signing.BadSignature, ValueError):
        return None
    # One of the future was made while the clock ran ahead; it would be good until then.
    good = -_APART <= time.time() - at <= GOOD_FOR
    return int(user_id) if good and made_for == repository_id else None
