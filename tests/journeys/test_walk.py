"""The main job, walk by walk: pages, files and metadata through the front door of one process."""

from __future__ import annotations

from distributions import wheel

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


async def test_a_page_never_seen_is_looked_up_and_then_kept(browser, upstream):
    """Nothing has to be configured for a project: the first who asks for it gets it."""
    upstream.add(wheel("Demo", "1.0"))

    first = await browser.get("/repo/default/demo/", headers=JSON)
    again = await browser.get("/repo/default/demo/", headers=JSON)

    assert first.status == 200
    assert [file["filename"] for file in first.json()["files"]] == ["demo-1.0-py3-none-any.whl"]
    assert again.body == first.body
    assert upstream.count("/simple/demo/") == 1
