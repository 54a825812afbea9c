"""Attestations of files that were really published; see ``tests/attested``."""

from __future__ import annotations

import json
from pathlib import Path


def attested(name):
    """``{"filename", "sha256", "body"}`` that  ``github``, ``google`` … signed."""
    return json.loads((Path(__file__).parent / "attested" / f"{name}.json").read_text())
