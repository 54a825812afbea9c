"""The journal page: who may see which lines, found by what one looks for, and harmless to look at."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from distributions import wheel
from localshop.catalog import credentials, networks, repositories
from localshop.catalog.journal import Actor, note
from localshop.catalog.models import Event, Project
from localshop.index.refusals import write_refusals
from localshop.jobs.registry import jobs
from logins import log_in
from people import AWAY, Person, queries_of, somebody
from threads import in_thread
from upload_form import upload_of

PAGE = "/activity/"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def write(*lines):
    """Lines of the journal, each a minute after the one before: action, repository, project, who."""
    for number, (action, repository, project, who) in enumerate(lines):
        at = NOON + timedelta(minutes=number)
        note(
            action,
            Actor(who, "10.0.0.1"),
            at=at,
            repository=repository,
            project=project,
            subject=f"s{number}",
        )


@pytest.fixture
async def told(browser):
    """A few lines, of two repositories and of none."""
    await in_thread(
        repositories.create_repository, "other", upstreams=[], networks=networks.FIRST_NETWORKS, changes={}
    )
    await in_thread(
        write,
        ("uploaded", "default", "acme", "anna"),
        ("mirrored", "default", "demo", "localshop"),
        ("network-added", "other", "", "root"),
        ("login", "", "", "root"),
        ("deleted", "default", "acme", "bert"),
    )


def subjects(page):
    return re.findall(r'<span class="mono">(s\d+)</span>', page.text)


async def test_administrators_see_all_owners_their_part_others_nothing(browser, told):
    root = await somebody(browser, "root", administrator=True)
    owner = await somebody(browser, "olga", default="owner")
    developer = await somebody(browser, "dora", default="developer")

    assert subjects(await root.get(PAGE)) == ["s4", "s3", "s2", "s1", "s0"]
    assert subjects(await owner.get(PAGE)) == ["s4", "s1", "s0"]
    assert subjects(await owner.get(f"{PAGE}?repository=other")) == []
    assert "root" not in (await owner.get("/activity/journal.csv?repository=other")).text
    for path in (PAGE, "/activity/journal.csv"):
        assert (await developer.get(path)).status == 403
        assert (await Person(browser).get(path)).status == 302
    assert "Activity</a>" not in (await developer.get("/packages/")).text
    assert "Activity</a>" in (await owner.get("/packages/")).text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("repository=other", ["s2"]),
        ("kind=packages", ["s4", "s0"]),
        ("kind=settings", ["s2"]),
        ("project=acme&who=anna", ["s0"]),
        ("who=root", ["s3", "s2"]),
        ("since=2026-11-20&until=2026-11-20", ["s4", "s3", "s2", "s1", "s0"]),
        ("since=2026-11-21", []),
        ("until=2026-11-19", []),
        ("since=nonsense&kind=nonsense&before=nonsense-9&before=99999999999999999999-1", "all"),
        ("who=%00%1b", []),
    ],
)
async def test_one_finds_what_one_looks_for(browser, told, query, found):
    root = await somebody(browser, "root", administrator=True)
    every = ["s4", "s3", "s2", "s1", "s0"]
    assert subjects(await root.get(f"{PAGE}?{query}")) == (every if found == "all" else found)


async def test_page_by_page_nothing_is_left_out_or_told_twice(browser):
    """Lines that came in the same moment are where this goes wrong."""

    def make():
        Event.objects.bulk_create(
            Event(at=NOON, action="login", who="root", subject=f"s{number}") for number in range(120)
        )

    await in_thread(make)
    root = await somebody(browser, "root", administrator=True)
    seen, path = [], f"{PAGE}?who=root"
    while path:
        page = await root.get(path)
        seen += subjects(page)
        await in_thread(note, "login", Actor("root"), at=datetime.now(UTC), subject="s999")
        older = re.search(r'rel="next" href="([^"]+)"', page.text)
        path = PAGE + older[1].replace("&amp;", "&") if older else ""
    assert seen == [f"s{number}" for number in reversed(range(120))]


async def test_what_clients_send_cannot_forge_a_line_or_become_a_formula(browser, told):
    evil = "=cmd|' /C calc'!A0\r\n2026 root logged in\x1b[2J\u202e<script>alert(1)</script>"
    await in_thread(
        lambda: Event.objects.create(
            at=NOON + timedelta(days=1), action="refused", who=evil, subject=evil, detail={"slug": evil}
        )
    )
    root = await somebody(browser, "root", administrator=True)
    page = await root.get(PAGE)
    assert "<script>alert" not in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert r"\r\n2026 root" in page.text
    table = await root.get("/activity/journal.csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(table.text)))
    assert len(rows) == 7
    assert rows[1][2].startswith("'=cmd")
    assert rows[2][1:7] == ["deleted", "bert", "10.0.0.1", "default", "acme", "s4"]


async def test_the_table_has_all_lines_that_fit(browser):
    await in_thread(
        lambda: Event.objects.bulk_create(
            Event(at=NOON, action="login" if number % 2 else "login-failed", who="root", subject=str(number))
            for number in range(5000)
        )
    )
    root = await somebody(browser, "root", administrator=True)
    rows = list(csv.reader(io.StringIO((await root.get("/activity/journal.csv?kind=logins&who=root")).text)))
    assert {row[6] for row in rows[1:]} == {str(number) for number in range(5000)}


async def test_as_many_queries_for_a_line_as_for_fifty(browser, told):
    root = await somebody(browser, "root", administrator=True)
    few = await queries_of(root, f"{PAGE}?who=anna")
    await in_thread(
        lambda: Event.objects.bulk_create(
            Event(at=NOON, action="uploaded", who="anna", repository="default", project="acme")
            for _ in range(300)
        )
    )
    assert len(await queries_of(root, f"{PAGE}?who=anna")) == len(few) < 12


async def refused(browser):
    await write_refusals(browser.application._shop)
    rows = await in_thread(
        lambda: list(
            Event.objects.filter(action="refused")
            .order_by("id")
            .values_list("detail__slug", "repository", "who", "address", "project", "detail__times")
        )
    )
    await in_thread(lambda: Event.objects.filter(action="refused").delete())
    return rows


async def test_refusals_are_told_with_who_and_how_often(browser, upstream):
    """Who keeps trying what he may not?"""
    demo = upstream.add(wheel("demo", "1.0"))
    reading, secret = await in_thread(credentials.create_credential)
    await browser.get("/repo/default/", peer=AWAY)
    assert await refused(browser) == [], "Every client asks without credentials first."

    for _ in range(3):
        headers, body = upload_of(wheel("acme", "1.0"))
        answer = await browser.ask(
            "POST",
            "/repo/default/",
            headers=headers,
            auth=(reading.access_key, secret),
            peer=AWAY,
            body=body,
        )
        assert answer.status == 403
    assert (await browser.get("/repo/default/", peer=AWAY, auth=(reading.access_key, "wrong"))).status == 401
    assert await refused(browser) == [
        ("no-right", "default", reading.access_key, AWAY, "", 3),
        ("credentials-needed", "default", reading.access_key, AWAY, "", 1),
    ]

    await browser.get(f"/repo/default/{demo.distribution.path}")
    await in_thread(lambda: Project.objects.update(status="quarantined", serial=F("serial") + 1))
    assert (await browser.get(f"/repo/default/{demo.distribution.path}")).status == 403
    assert await refused(browser) == [("quarantined", "default", "anonymous", "127.0.0.1", "demo", 1)]

    writing, secret = await in_thread(lambda: credentials.create_credential(upload=True))
    headers, body = upload_of(wheel("acme", "1.0"), name="other")
    auth = (writing.access_key, secret)
    await browser.ask("POST", "/repo/default/", headers=headers, auth=auth, peer=AWAY, body=body)
    (told,) = await refused(browser)
    assert told[1:] == ("default", writing.access_key, AWAY, "", 1)


async def test_whoever_is_refused_again_and_again_does_not_fill_the_database(browser, clock):
    """600 lines an hour name who it was; of more than that only the number is told, a line a minute."""
    shop = browser.application._shop
    key, _ = await in_thread(credentials.create_credential)
    auth = (key.access_key, "wrong")
    for since in (1, 401, 801):
        for number in range(since, since + 400):
            await browser.get("/repo/default/", peer=f"2001:db8::{number:x}", auth=auth)
        await write_refusals(shop)
    rows = await in_thread(lambda: list(Event.objects.values_list("address", "detail__times")))
    assert sum(times for _, times in rows) == 1200
    assert len(rows) == 402

    for _ in range(600):
        await browser.get("/repo/default/", peer=AWAY, auth=auth)
        await write_refusals(shop)
    rows = await in_thread(lambda: list(Event.objects.values_list("address", "detail__times")))
    assert sum(times for _, times in rows) < 1800
    assert 599 < len(rows) < 605
    clock.forward(61)
    await write_refusals(shop)
    rows = await in_thread(lambda: list(Event.objects.values_list("address", "detail__times")))
    assert sum(times for _, times in rows) == 1800


async def test_a_wrong_password_is_told_but_not_what_was_typed_for_a_name(browser):
    """Who types his password into the field for the name must not find it in the journal."""
    await somebody(browser, "alice")
    await log_in(browser, "alice", "wrong")
    await log_in(browser, "my secret password", "wrong")
    await browser.get("/repo/default/", auth=("alice", "wrong"), peer=AWAY)
    rows = await in_thread(lambda: list(Event.objects.order_by("id").values_list("action", "who", "address")))
    assert rows == [
        ("login-failed", "alice", AWAY),
        ("login-failed", "", AWAY),
        ("login-failed", "alice", AWAY),
    ]
    assert await refused(browser) == []


async def test_mirrored_files_and_swapped_ones_are_told(browser, upstream, clock):
    demo = upstream.add(wheel("demo", "1.0"))
    shop = browser.application._shop
    await browser.get(f"/repo/default/{demo.distribution.path}")
    job = next(one for one in jobs(offline=False).items() if one[0] == "mirror-file")[1]
    from localshop.catalog.models import File

    await job(shop, {"file": await in_thread(lambda: File.objects.get().id)})
    rows = await in_thread(lambda: list(Event.objects.values_list("action", "who", "project", "subject")))
    assert rows == [("mirrored", "localshop", "demo", demo.distribution.filename)]


async def test_old_refusals_go_what_was_done_stays(browser):
    await in_thread(
        lambda: [
            Event.objects.create(at=datetime.now(UTC) - timedelta(days=age), action=action)
            for age in (1, 100)
            for action in ("refused", "login-failed", "uploaded")
        ]
    )
    await jobs(offline=False)["tidy"](browser.application._shop, {})
    left = await in_thread(lambda: list(Event.objects.order_by("id").values_list("action", flat=True)))
    assert left == ["refused", "login-failed", "uploaded", "uploaded"]
