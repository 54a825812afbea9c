"""Looks into a wheel that is stored here, for its METADATA."""

from __future__ import annotations

import hashlib
import logging

from localshop.catalog import files
from localshop.catalog.records import BlobRecord, FileRecord
from localshop.errors import LocalshopError
from localshop.observe.log import event, get_logger
from localshop.protocol.document import entry_from_json
from localshop.protocol.wheels import metadata_of
from localshop.shop import Shop

log = get_logger(__name__)


def keep_metadata(shop: Shop, file: FileRecord, blob: BlobRecord) -> None:
    """Take the METADATA out of a stored wheel and keep it; this is blocking work.

    What the wheel itself says is the truth. When it is not what was told before, the page is made
    again, because pip refuses a wheel whose METADATA is not the announced one.
    """
    if not file.filename.endswith(".whl"):
        return
    try:
        with shop.store.open(blob.name) as stored:
            body = metadata_of(stored, file.filename)
    except (LocalshopError, OSError) as error:
        event(log, logging.WARNING, "metadata-unreadable", f"{file.filename}: {error}", project=file.project)
        return
    digest = hashlib.sha256(body).hexdigest()
    held = files.metadata_digest(file.repository_id, file.path, file.filename)
    told = held or entry_from_json(file.entry).core_metadata
    if held != digest:
        files.save_metadata(
            file.project_id,
            path=file.path,
            filename=file.filename,
            sha256=digest,
            body=body,
            surprising=isinstance(told, str) and told != digest,
        )
