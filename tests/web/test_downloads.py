"""Downloads in the web interface: the chart for everybody, who and from where for owners."""

from __future__ import annotations

import csv
import io
import re
import time

import pytest

from distributions import wheel
from localshop.catalog import credentials, downloads
from localshop.catalog.records import Given, Tally
from localshop.index.downloads import write_downloads
from people import AWAY, Person, queries_of, somebody
from threads import in_thread

PAGE = "/repositories/default/packages/demo/"
WHO = f"{PAGE}downloads/"


@pytest.fixture
async def demo(browser, upstream):
    """A project that was downloaded by a machine and by somebody on this machine."""
    held = upstream.add(wheel("demo", "1.0"))
    upstream.add(wheel("demo", "2.0"))
    row, secret = await in_thread(lambda: credentials.create_credential(comment="the build farm"))
    url = f"/repo/default/{held.distribution.path}"
    agent = {"User-Agent": "pip/25.1"}
    assert (await browser.get(url, auth=(row.access_key, secret), peer=AWAY, headers=agent)).status == 302
    await browser.get(url)
    await browser.get(url)
    await write_downloads(browser.application._shop)
    return row.access_key


async def test_how_much_a_package_is_used_is_seen_by_whoever_sees_it(browser, demo):
    page = (await browser.get(PAGE)).text
    assert "<strong>3</strong> in 30 days" in page
    assert re.search(r'<rect x="\d+" y="0" width="8" height="48">', page)
    assert '<td class="number">3</td>' in page
    assert "style=" not in page, "The policy of our pages lets no style in."
    assert "Who downloaded it" not in page
    assert AWAY not in page


async def test_owners_see_who_and_from_where(browser, demo):
    olga = await somebody(browser, "olga", default="owner")
    assert "Who downloaded it" in (await olga.get(PAGE)).text
    page = (await olga.get(WHO)).text
    for told in (demo, "the build farm", AWAY, "pip", "demo-1.0-py3-none-any.whl", "without credentials"):
        assert told in page
    assert "Nobody" in (await olga.get(f"{WHO}?version=2.0")).text
    assert AWAY in (await olga.get(f"{WHO}?version=1.0")).text
    assert "Nobody" in (await olga.get(f"{WHO}?filename=other.whl")).text
    rows = list(csv.reader(io.StringIO((await olga.get(f"{PAGE}downloads.csv?version=1.0")).text)))
    assert {(row[2], row[4], row[5], row[6]) for row in rows[1:]} == {
        ("1", demo, AWAY, "pip"),
        ("2", "", "127.0.0.1", ""),
    }


async def test_nobody_else_sees_where_people_sit(browser, demo):
    dora = await somebody(browser, "dora", default="developer")
    for path in (WHO, f"{PAGE}downloads.csv"):
        assert (await dora.get(path)).status == 403
        assert (await Person(browser, peer="127.0.0.1").get(path)).status == 302


async def test_as_many_queries_for_three_downloads_as_for_many(browser, demo):
    olga = await somebody(browser, "olga", default="owner")
    few = [len(await queries_of(olga, path)) for path in (PAGE, WHO)]

    def more():
        now = time.time()
        today = downloads.day_number(now)
        downloads.note(
            {
                Given(today - age, "default", "aa/bb/cc", f"demo-{age}.0.tar.gz", "", key, "", "uv"): Tally(
                    3, now
                )
                for age in range(25)
                for key in ("lsk_1", "lsk_2", demo)
            }
        )

    await in_thread(more)
    assert [len(await queries_of(olga, path)) for path in (PAGE, WHO)] == few
    assert 'rel="next"' not in (await olga.get(WHO)).text
