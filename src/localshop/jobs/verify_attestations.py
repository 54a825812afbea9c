"""The job that verifies what is to prove where a file was made (PEP 740)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from localshop.catalog import attestations
from localshop.mirror.provenance import told_by_upstream
from localshop.observe.log import event, get_logger
from localshop.shop import Shop

from . import child

_LARGEST = 2 << 20
_WALL = 60.0

log = get_logger(__name__)


def can_verify() -> bool:
    """Whether the extra ``localshop[attestations]`` is installed."""
    return find_spec("pypi_attestations") is not None


async def verify_attestations(shop: Shop, payload: Mapping[str, Any]) -> None:
    """Verify those of the file whose row has the id ``payload["file"]``, in a process of its own.

    What cannot be verified yet (the extra is not installed, the upstream may not be asked) waits.
    """
    file_id = int(payload["file"])
    found = await shop.look(attestations.unverified, file_id) if can_verify() else None
    if found is None:
        return
    body = found.body if found.body is not None else await told_by_upstream(shop, file_id, found.url)
    if body is None:
        return
    asked = {"filename": found.filename, "sha256": found.sha256, "body": body}
    out = await child.ask(
        "localshop.jobs.attestations_child", data=json.dumps(asked).encode(), largest=_LARGEST, wall=_WALL
    )
    answer: dict[str, Any] = {"why": "They could not be read within the limits."}
    if out is not None:
        answer = json.loads(out)
    if "why" in answer:
        sentence = f"The attestations of {found.filename} prove nothing: {answer['why']}"
        event(log, logging.WARNING, "attestations-invalid", sentence, file=found.filename)
        await shop.run(attestations.invalid, file_id, body=body, why=answer["why"])
        return
    await shop.run(
        attestations.verified,
        file_id,
        body=body,
        provenance=answer["provenance"],
        publisher=answer["publisher"],
    )
