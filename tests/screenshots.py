"""Photographs every page, wide and narrow, light and dark; ``scripts/screenshots`` runs it."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from chromium import DESKTOP, PHONE, chromium, log_in
from showcase import PASSWORD, showcase
from tour import STOPS

LOOKS = {
    f"{width}-{scheme}": (size, scheme)
    for width, size in (("wide", DESKTOP), ("narrow", PHONE))
    for scheme in ("light", "dark")
}


async def photograph(url: str, out: Path, wanted: str) -> None:
    async with chromium() as browser:
        contexts = {}
        for stop in STOPS:
            if wanted not in stop.name:
                continue
            if stop.who not in contexts:
                contexts[stop.who] = await browser.new_context(reduced_motion="reduce")
                if stop.who:
                    page = await contexts[stop.who].new_page()
                    await log_in(page, url, stop.who, PASSWORD)
            page = await contexts[stop.who].new_page()
            await page.goto(f"{url}{stop.path}")
            if stop.act is not None:
                await stop.act(page)
            for look, (size, scheme) in LOOKS.items():
                await page.set_viewport_size(size)
                await page.emulate_media(color_scheme=scheme)
                name = stop.name.replace(", ", "--").replace(" ", "-")
                await page.screenshot(path=out / f"{name}.{look}.png", full_page=True)
            await page.close()


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, showcase(Path(place)) as house:
        asyncio.run(photograph(house.url, out, sys.argv[2] if len(sys.argv) > 2 else ""))


if __name__ == "__main__":
    main()
