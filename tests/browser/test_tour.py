"""Every page, wide and narrow, light and dark: for people who see little, use no mouse, or have a phone."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from django.urls import get_resolver

from chromium import DESKTOP, PHONE
from tour import NO_PAGES, STOPS

pytestmark = pytest.mark.asyncio(loop_scope="session")

_SERIOUS = {"serious", "critical"}
# Colours do not depend on the width, nor the layout on colours; each look takes its time.
LOOKS = ((DESKTOP, "light"), (PHONE, "dark"))


async def test_no_page_is_forgotten():
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    visited = {stop.url_name for stop in STOPS} - {"error"}
    assert visited | set(NO_PAGES) == names
    assert not visited & set(NO_PAGES)


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.name)
async def test_a_page(visits, house, stop):
    page = await visits.page(stop.who)
    answer = await page.goto(f"{house.url}{stop.path}")
    assert answer.status == stop.status
    if stop.act is not None:
        await stop.act(page)
    assert await page.locator("h1:not(.readme h1)").count() == 1
    assert not (await page.title()).startswith(" ")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for wrong in (
        "style",
        "[style]",
        "script:not([src])",
        "form[method=post]:not(:has([name=csrfmiddlewaretoken]))",
    ):
        assert await page.locator(wrong).count() == 0, wrong
    await page.evaluate(Axe().axe_script)
    for size, scheme in LOOKS:
        await page.set_viewport_size(size)
        await page.emulate_media(color_scheme=scheme)
        found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        serious = [each for each in found["violations"] if each["impact"] in _SERIOUS]
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious] == []
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"], f"{wide} pixels on a screen of {size['width']}"
