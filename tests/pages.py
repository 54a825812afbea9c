"""What tests of pages share: asking for JSON, reading it, waiting for what runs behind."""

from __future__ import annotations

import asyncio

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


def filenames(answer):
    return [file["filename"] for file in answer.json()["files"]]


async def settled(browser):
    """Wait until nothing runs behind the requests any more."""
    shop = browser.application._shop
    while shop._behind or shop.flights._running:
        await asyncio.sleep(0.005)
