"""Asks for a project in every way there is, and finds the answers to agree."""

from __future__ import annotations

from pages import JSON


async def agree(browser, project, every_path):
    """Every file that is listed can be had, with the metadata that is announced; no other one can."""
    page = await browser.get(f"/repo/default/{project}/", headers=JSON)
    listed = {}
    if page.status == 200:
        listed = {file["url"]: file for file in page.json()["files"]}
    legacy = await browser.get(f"/repo/default/pypi/{project}/json")
    assert legacy.status == page.status
    told = legacy.json()["releases"].values() if legacy.status == 200 else []
    assert sorted(file["url"] for files in told for file in files) == sorted(listed)
    for url, file in listed.items():
        answer = await browser.get(url)
        assert answer.status in {200, 302} or answer.text.startswith("not-mirrored"), (url, answer)
        if file.get("core-metadata"):
            metadata = await browser.get(f"{url}.metadata")
            assert metadata.status == 200, (url, metadata)
    for path in every_path:
        url = f"/repo/default/{path}"
        if url not in listed:
            for suffix in ("", ".metadata"):
                assert (await browser.get(url + suffix)).status in {403, 404}, url
    return listed
