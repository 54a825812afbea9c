"""Asks for a project in every way there is, and finds the answers to agree."""

from __future__ import annotations

import re
from urllib.parse import unquote

from pages import JSON

HTML = {"Accept": "text/html"}


async def agree(browser, project, every_path):
    """Every file that is listed can be had, with the metadata that is announced; no other one can.

    What is hidden says why, the same everywhere; the legacy JSON and the HTML show what the JSON shows.
    """
    page = await browser.get(f"/repo/default/{project}/", headers=JSON)
    listed = {}
    if page.status == 200:
        listed = {file["url"]: file for file in page.json()["files"]}
    await _other_pages(browser, project, page, listed)
    hidden = await _hidden(browser, project, page)
    assert not hidden.keys() & {file["filename"] for file in listed.values()}
    for url, file in listed.items():
        answer = await browser.get(url)
        assert answer.status in {200, 302} or answer.text.startswith("not-mirrored"), (url, answer)
        assert (await _download(browser, project, url)).status in {200, 404}, url
        if file.get("core-metadata"):
            metadata = await browser.get(f"{url}.metadata")
            assert metadata.status == 200, (url, metadata)
    for path in every_path:
        url = f"/repo/default/{path}"
        if url not in listed:
            await _refused(browser, project, url, hidden)
    return listed


async def _other_pages(browser, project, page, listed):
    legacy = await browser.get(f"/repo/default/pypi/{project}/json")
    assert legacy.status == page.status
    told = legacy.json()["releases"].values() if legacy.status == 200 else []
    assert sorted(file["url"] for files in told for file in files) == sorted(listed)
    if page.status == 200:
        versions = set(page.json()["versions"])
        assert versions == {version for version, files in legacy.json()["releases"].items() if files}
        html = await browser.get(f"/repo/default/{project}/", headers=HTML)
        assert sorted(re.findall(r'href="([^"#]+)', html.text)) == sorted(listed)


async def _hidden(browser, project, page):
    """The slugs of everything that hides a file, by its name."""
    why = await browser.get(f"/repo/default/{project}/why")
    assert why.status == page.status
    found = {}
    for one in why.json()["hidden"] if why.status == 200 else []:
        found.setdefault(one["filename"], {})[one["slug"]] = one
    return found


async def _refused(browser, project, url, hidden):
    why = hidden.get(unquote(url.rpartition("/")[2]), {})
    answers = [await browser.get(url + suffix) for suffix in ("", ".metadata")]
    answers.append(await _download(browser, project, url))
    assert {answer.status for answer in answers} <= {403, 404}, url
    if not why:
        return
    sdist = not url.endswith(".whl")
    assert [answer.status for answer in answers] == [403, 404 if sdist else 403, 403], url
    for answer in answers[: 1 if sdist else 2]:
        told = why[answer.headers["x-localshop-refusal"]]
        assert answer.text == f"{told['slug']}: {told['sentence']}\n"
        assert answer.headers.get("x-localshop-until") == told["until"]


async def _download(browser, project, url):
    """The file as the web interface gives it; what is not stored is not to be had there."""
    place = url.partition("/packages/")[2]
    return await browser.get(f"/repositories/default/packages/{project}/files/{place}")
