"""The secret key of an installation: made once, kept in ``<home>/secret_key``, for its owner only."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from localshop.errors import BadSetting

FILE_NAME = "secret_key"
MINIMUM_LENGTH = 32
"""Characters below which a key could be guessed offline from one signed cookie."""

_EXAMPLES = ("changeme", "change-me", "change_me", "change me", "example", "insecure", "secret", "password")


def ensure_secret_key(home: Path) -> str:
    """Give the secret key of ``home``, made now if there is none yet.

    Safe against others that do the same at once: all get the key of the one who was first. The
    file has mode 600 and is complete and durable from the moment it is visible. Raises
    ``BadSetting`` for a key that others can read or that is weak, ``OSError`` when it cannot be written.
    """
    if found := read_secret_key(home):
        return found
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = home / f".{FILE_NAME}.{secrets.token_hex(8)}"
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_urlsafe(48)}\n")
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never replaces the key of somebody who was quicker.
        with contextlib.suppress(FileExistsError):
            os.link(scratch, home / FILE_NAME)
    finally:
        scratch.unlink()
    _sync(home)
    return read_secret_key(home)


def read_secret_key(home: Path) -> str:
    """Give the key in ``<home>/secret_key``, or the empty text when there is no such file.

    Raises ``BadSetting`` when the group or the world may read or write it, and for a weak key:
    whoever knows the key can sign a session of the administrator.
    """
    path = home / FILE_NAME
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            key = file.read().strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"The secret key in {path} cannot be read: {error}.") from None
    if mode & 0o077:
        raise BadSetting(
            f"The secret key in {path} has mode {mode:o}, so others than its owner can reach it. "
            f"Make a new one, or say `chmod 600 {path}` if nobody has read it."
        )
    if not is_strong(key):
        raise BadSetting(
            f"The key in {path} is too simple, an example, or has less than {MINIMUM_LENGTH} characters."
        )
    return key


def is_strong(key: str) -> bool:
    """Whether ``key`` is long and varied enough, and no example that was copied from somewhere."""
    plain = key.lower()
    return (
        len(key) >= MINIMUM_LENGTH
        and len(set(key)) >= 8
        and key.isprintable()
        and not any(word in plain for word in _EXAMPLES)
    )


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
