"""What a package says of itself, shown in a real browser: nothing of it runs or tells who looks."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from distributions import wheel
from showcase import upload

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME = "acme-evil"
PAGE = f"/repositories/default/packages/{NAME}/"
SCRIPT = "<script>window.stolen = 1</script><img src=x onerror='window.stolen = 1'>"
README = """
# Hello <script>window.stolen = 1</script>

<img src="https://tracker.example.com/pixel.png" onerror="window.stolen = 1">
![pixel](https://tracker.example.com/other.png)
<iframe src="https://tracker.example.com/"></iframe>
<svg onload="window.stolen = 1"><style>@import "https://tracker.example.com/a.css";</style></svg>
<a href="javascript:window.stolen = 1" id="main">a trap</a>
[another trap](javascript:window.stolen=1)
[one more](data:text/html,<script>window.opener.stolen=1</script>)
<form action="https://tracker.example.com/"><input name="csrfmiddlewaretoken"><button>Log in</button></form>
<div hx-get="/accounts/logout/" hx-trigger="load" hx-on:click="window.stolen = 1">htmx</div>
<base href="https://tracker.example.com/"><meta http-equiv="refresh" content="0;url=https://tracker.example.com/">
<p style="position:fixed;inset:0;background:url(https://tracker.example.com/p.png)">over it all</p>
"""
FIELDS = (
    ("Summary", SCRIPT),
    ("Author", SCRIPT),
    ("Author-email", f"{SCRIPT} <evil@example.com>"),
    ("Maintainer", SCRIPT),
    ("License", SCRIPT),
    ("Keywords", f"{SCRIPT},evil"),
    ("Classifier", f"Topic :: {SCRIPT}"),
    ("Project-URL", "Trap, javascript:window.stolen=1"),
    ("Project-URL", f"{SCRIPT}, https://tracker.example.com/"),
    ("Home-page", "java\tscript:window.stolen=1"),
    ("Requires-Dist", "other; extra == '<script>window.stolen = 1</script>'"),
    ("Description-Content-Type", "text/markdown"),
)


@pytest.fixture(scope="module")
def evil(house):
    """It is published, and its README rendered."""
    upload(house.url, "default", wheel(NAME, "1.0", fields=FIELDS, readme=README))
    return house


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
async def test_nothing_of_a_package_runs_or_calls_home(visits, evil, script):
    """That no other host is asked, and the browser complains of nothing, is looked at behind each test."""
    page = await visits.page("grace" if script else "ada", script=script)
    await page.goto(f"{evil.url}{PAGE}")
    await evil_rendered(page)
    for path in (PAGE, f"/packages/?q={NAME}", "/", f"{PAGE}delete-release?version=1.0", f"{PAGE}downloads/"):
        await page.goto(f"{evil.url}{path}")
        if script:
            assert await page.evaluate("window.stolen") is None
    await page.goto(f"{evil.url}{PAGE}")
    readme = page.locator(".readme")
    bad = "script, iframe, svg, style, form, input, base, meta, object, embed, [style], [id=main]"
    assert await readme.locator(bad).count() == 0
    urls = [await link.get_attribute("href") for link in await page.locator("main a[href]").all()]
    assert [url for url in urls if not url.startswith(("/", "https://", "#", "?"))] == []


async def test_what_is_written_like_an_order_to_htmx_is_none(visits, evil):
    """A README that could make the page ask for something could act for whoever looks at it."""
    page = await visits.page("grace")
    await page.goto(f"{evil.url}{PAGE}")
    await evil_rendered(page)
    attributes = "[...document.querySelectorAll('.readme *')].flatMap(one => one.getAttributeNames())"
    names = set(await page.evaluate(attributes))
    assert {name for name in names if name.startswith(("hx-", "data-", "on", "style"))} == set()
    await expect(page.get_by_role("button", name="Log out")).to_be_visible()


async def test_a_search_with_markup_in_it_is_text(visits, house):
    page = await visits.page("grace")
    await page.goto(f"{house.url}/packages/?q=%22%3E%3Cscript%3Ewindow.stolen=1%3C/script%3E")
    assert await page.evaluate("window.stolen") is None
    await expect(page.get_by_label("Name or summary")).to_have_value('"><script>window.stolen=1</script>')


async def evil_rendered(page):
    """Wait until the job has rendered it; before that it is plain text."""
    for _ in range(100):
        if await page.locator("div.readme").count():
            return
        await page.reload()
    raise AssertionError(await page.content())
