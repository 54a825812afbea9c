"""Hashes of passwords that Django made before it had PBKDF2: verified once, and then made anew."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from django.contrib.auth.hashers import BasePasswordHasher


class SHA1PasswordHasher(BasePasswordHasher):
    """``sha1$<salt>$<hex>``, as Django 1.3 wrote it; Django 5.1 has taken it out.

    No new password is kept so: the first hasher in the settings makes those.
    """

    algorithm = "sha1"

    def encode(self, password: str, salt: str) -> str:
        """The hash in the form in which it is kept."""
        digest = hashlib.sha1(f"{salt}{password}".encode(), usedforsecurity=False).hexdigest()
        return f"{self.algorithm}${salt}${digest}"

    def decode(self, encoded: str) -> dict[str, Any]:
        """The parts of a hash."""
        algorithm, salt, digest = encoded.split("$", 2)
        return {"algorithm": algorithm, "salt": salt, "hash": digest}

    def verify(self, password: str, encoded: str) -> bool:
        """Whether this is the password."""
        return hmac.compare_digest(self.encode(password, self.decode(encoded)["salt"]), encoded)

    def safe_summary(self, encoded: str) -> Any:
        """Nothing of the hash itself."""
        return {"algorithm": self.decode(encoded)["algorithm"]}

    def must_update(self, encoded: str) -> bool:  # noqa: ARG002 - always.
        """Make it anew."""
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """There is no number of rounds."""
