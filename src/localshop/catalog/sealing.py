"""Passwords of upstreams, sealed: whoever has the database alone cannot read them."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from localshop.errors import BadSetting


def seal(plain: str) -> bytes:
    """``plain`` as a Fernet token under a key made from the secret key; empty stays empty."""
    return _fernet().encrypt(plain.encode()) if plain else b""


def unseal(sealed: bytes | memoryview) -> str:
    """What was sealed; raises ``BadSetting`` when the secret key is no longer the same."""
    if not sealed:
        return ""
    try:
        return _fernet().decrypt(bytes(sealed)).decode()
    except InvalidToken:
        raise BadSetting(
            "An upstream's password cannot be read with this LOCALSHOP_SECRET_KEY: it was stored "
            "under another one. Set the upstream's URL again, or bring the old key back."
        ) from None


def _fernet() -> Fernet:
    digest = hashlib.sha256(b"localshop upstream password\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
