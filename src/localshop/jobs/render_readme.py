"""The job that renders a README: in a process of its own, since it is whatever somebody uploaded."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from localshop.catalog import files, readmes
from localshop.observe.log import event, get_logger
from localshop.protocol.about import about
from localshop.shop import Shop

from . import child
from .readme_child import LARGEST_OUTPUT

_WALL = 15.0
"""Seconds by the clock on the wall; of the processor's it gets two (see ``readme_child``)."""

log = get_logger(__name__)


async def render_readme(shop: Shop, payload: Mapping[str, Any]) -> None:
    """Render the description in the METADATA of a file; one that cannot be rendered stays plain text."""
    place = (str(payload["path"]), str(payload["filename"]))
    told = about(await shop.run(files.metadata_among, int(payload["repository"]), [place]))
    html = "" if told is None else await render(told.description, told.content_type)
    if not html:
        sentence = f"The README in {place[1]} is shown as plain text."
        event(log, logging.INFO, "readme-plain", sentence, file=place[1])
    await shop.run(readmes.save, str(payload["digest"]), html)


async def render(text: str, content_type: str) -> str:
    """Render a description to safe HTML; empty: it is plain text, or a limit was met."""
    out = await child.ask(
        "localshop.jobs.readme_child",
        content_type[:200],
        data=text.encode(),
        largest=LARGEST_OUTPUT,
        wall=_WALL,
    )
    return out.decode() if out is not None else ""
