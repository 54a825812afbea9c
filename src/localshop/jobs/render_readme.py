"""The job that renders a README: in a process of its own, since it is whatever somebody uploaded."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

from localshop.catalog import files, readmes
from localshop.observe.log import event, get_logger
from localshop.protocol.about import about
from localshop.shop import Shop

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
    child = await asyncio.create_subprocess_exec(
        # -I: nothing of the working directory or of this process's environment has a say in it.
        sys.executable,
        "-I",
        "-m",
        "localshop.jobs.readme_child",
        content_type[:200],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
    )
    try:
        async with asyncio.timeout(_WALL):
            out = await _talk(child, text.encode())
    except TimeoutError:
        return ""
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return out.decode() if child.returncode == 0 and len(out) <= LARGEST_OUTPUT else ""


async def _talk(child: asyncio.subprocess.Process, data: bytes) -> bytes:
    """Send all, read no more than may come."""
    if child.stdin is None or child.stdout is None:
        return b""
    child.stdin.write(data)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await child.stdin.drain()
    child.stdin.close()
    out = bytearray()
    while (piece := await child.stdout.read(65_536)) and len(out) <= LARGEST_OUTPUT:
        out += piece
    if len(out) <= LARGEST_OUTPUT:
        await child.wait()
    return bytes(out)
