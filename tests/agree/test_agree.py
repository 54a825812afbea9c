"""What the page lists is what the bytes give, whatever the repository is set to: the two never disagree."""

from __future__ import annotations

import itertools

import pytest

from agreeing import agree
from distributions import sdist, wheel
from localshop.catalog import content, credentials, repositories
from localshop.catalog.content import Change
from localshop.catalog.journal import Actor
from pages import JSON, settled
from threads import in_thread
from upload_form import upload_of

STATUSES = ["active", "archived", "quarantined"]
MISSES = ["redirect", "stream", "refuse"]


@pytest.mark.parametrize(
    ("status", "miss", "offline", "reserved"),
    [*itertools.product(STATUSES, MISSES, [False, True], [False]), ("active", "redirect", False, True)],
)
async def test_mirrored_projects(browser, upstream, clock, set_config, status, miss, offline, reserved):
    held = [upstream.add(make("demo", version)) for version in ("1.0", "2.0") for make in (wheel, sdist)]
    paths = [one.distribution.path for one in held]
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"miss": "stream"})
    await browser.get(f"/repo/default/{paths[0]}")
    await browser.get(f"/repo/default/{paths[1]}")
    upstream.status["demo"] = status
    changes = {"miss": miss, "reserved": ["demo"] if reserved else []}
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes=changes)
    await browser.get("/repo/default/demo/", headers=JSON)
    clock.forward(601)
    await browser.get("/repo/default/demo/", headers=JSON)
    await settled(browser)
    set_config(offline=offline)

    listed = await agree(browser, "demo", paths)

    hidden = status == "quarantined" or reserved
    assert len(listed) == (0 if hidden else 2 if offline else 4)


async def test_private_projects(browser, upstream):
    row, secret = await in_thread(credentials.create_credential, upload=True)
    mine = [wheel("acme", "1.0"), sdist("acme", "1.0"), wheel("acme", "2.0")]
    theirs = upstream.add(wheel("acme", "99.0"))
    for one in mine:
        headers, body = upload_of(one)
        auth = (row.access_key, secret)
        await browser.ask("POST", "/repo/default/", headers=headers, body=body, auth=auth, peer="203.0.113.9")
    paths = [one.path for one in mine] + [theirs.distribution.path]

    def change():
        from datetime import UTC, datetime

        return Change("default", "acme", Actor("test"), datetime.now(UTC))

    assert len(await agree(browser, "acme", paths)) == 3
    await in_thread(content.yank, change(), "1.0", reason="")
    assert len(await agree(browser, "acme", paths)) == 3
    await in_thread(content.delete_release, change(), "1.0", bytes_too=False)
    assert len(await agree(browser, "acme", paths)) == 1
    for status, number in (("archived", 1), ("quarantined", 0), ("active", 1)):
        await in_thread(content.set_status, change(), status, reason="")
        assert len(await agree(browser, "acme", paths)) == number
    await in_thread(content.delete_project, change(), bytes_too=True)
    assert await agree(browser, "acme", paths) == {}
