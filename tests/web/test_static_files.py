"""The stylesheet and the scripts: without them every page is there, and none is a pleasure."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("path", ["web/localshop.css", "web/localshop.js", "web/upload.js", "web/icon.svg"])
async def test_they_are_served_to_everybody_and_without_a_warning(browser, path):
    """A warning for each of them would fill the log of whoever runs it."""
    answer = await browser.get(f"/static/{path}", peer="203.0.113.9")
    assert (answer.status, len(answer.body)) == (200, int(answer.headers["content-length"]))
    assert "no-store" not in answer.headers["cache-control"]
    again = await browser.get(f"/static/{path}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    part = await browser.get(f"/static/{path}", headers={"Range": "bytes=2-5"})
    assert (part.status, part.body) == (206, answer.body[2:6])


async def test_a_page_names_files_that_are_there(browser):
    page = await browser.get("/accounts/login/")
    named = [part.split('"')[0] for part in page.text.split('="/static/')[1:]]
    assert len(named) >= 4
    for path in named:
        assert (await browser.get(f"/static/{path}")).status == 200
