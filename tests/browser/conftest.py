"""One browser and one localshop in use for all of these tests, and a watch on everything that a page does.

They are asynchronous on one loop for the session: Playwright's other face leaves a loop running, and tests
beside these that start their own would fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from chromium import DESKTOP, PHONE, chromium, log_in
from showcase import PASSWORD, Showcase, showcase

WIDTHS = {"desktop": DESKTOP, "phone": PHONE}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chrome():
    async with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    with showcase(tmp_path_factory.mktemp("showcase")) as running:
        yield running


@dataclass
class Visits:
    """People at browsers of their own. What their pages complain of is kept, and fails the test."""

    chrome: Browser
    house: Showcase
    sessions: dict[str, object]
    """Cookies of who is logged in: a login takes as long as a page."""
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Every address that any page asked for."""
    _contexts: list = field(default_factory=list)

    async def page(self, who: str = "", *, size=DESKTOP, script: bool = True) -> Page:
        """A page of somebody who is logged in; ``who`` empty: of nobody."""
        known = self.sessions.get(who)
        context = await self.chrome.new_context(
            viewport=size, java_script_enabled=script, reduced_motion="reduce", storage_state=known
        )
        context.set_default_timeout(10_000)
        self._contexts.append(context)
        page = await context.new_page()
        self.watch(page)
        if who and known is None:
            await log_in(page, self.house.url, who, PASSWORD)
            self.sessions[who] = await context.storage_state()
        return page

    def watch(self, page: Page) -> None:
        """Keep what the browser complains of, violations of the Content-Security-Policy among it."""
        page.on("console", lambda said: said.type in {"error", "warning"} and self.complain(page, said.text))
        page.on("pageerror", lambda error: self.complain(page, str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def complain(self, page: Page, text: str) -> None:
        # That a page has another status than 200 is what some tests are about.
        if "Failed to load resource: the server responded with a status of" not in text:
            self.complaints.append(f"{page.url}: {text}")

    async def close(self) -> None:
        for context in self._contexts:
            await context.close()


@pytest.fixture(scope="session")
def sessions():
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def visits(chrome, house, sessions):
    visits = Visits(chrome, house, sessions)
    yield visits
    await visits.close()
    assert visits.complaints == []
    assert [url for url in visits.asked if not url.startswith((house.url, "blob:", "data:"))] == []


@pytest.fixture(params=WIDTHS)
def size(request):
    return WIDTHS[request.param]
