"""Teams: administrators make them, members gain and lose what they allow, the journal tells who did it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from localshop.catalog import people, repositories, teams
from localshop.catalog.models import Event, Team
from localshop.errors import BadInput
from logins import PASSWORD
from people import AWAY, somebody
from threads import in_thread


async def test_an_administrator_makes_a_team_and_a_member_may_do_what_it_says(browser):
    root = await somebody(browser, "root", administrator=True)
    await somebody(browser, "alice")
    change = {"members_only": True}
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes=change)

    async def ask():
        return (await browser.get("/repo/default/", auth=("alice", PASSWORD), peer=AWAY)).status

    assert await ask() == 403
    made = await root.post("/teams/", {"name": "Backend <b>"})
    page = made.headers["location"]
    await root.post(f"{page}members/add/", {"username": "alice"})
    await root.post(f"{page}roles/", {"repository": "default", "role": "reader"})
    assert await ask() == 200
    shown = (await root.get(page)).text
    assert "Backend &lt;b&gt;" in shown
    assert "alice" in shown

    await root.post(f"{page}members/remove/", {"username": "alice"})
    assert await ask() == 403
    await root.post(f"{page}members/add/", {"username": "alice"})
    await root.post(f"{page}roles/", {"repository": "default", "role": "none"})
    assert await ask() == 403
    await root.post(f"{page}roles/", {"repository": "default", "role": "owner"})
    assert await ask() == 200
    await root.post(f"{page}rename/", {"name": "Core"})
    await root.post(f"{page}delete/")
    assert await ask() == 403

    def lines():
        # Requests that were refused meanwhile stand there, too.
        rows = Event.objects.exclude(action="refused").order_by("id")
        return [(row.action, row.who, row.address, row.detail["before"], row.detail["after"]) for row in rows]

    gone = {"members": ["alice"], "roles": {"default": "owner"}}
    assert await in_thread(lines) == [
        ("team-made", "root", AWAY, None, "Backend <b>"),
        ("member-added", "root", AWAY, None, "alice"),
        ("role-changed", "root", AWAY, None, "reader"),
        ("member-removed", "root", AWAY, "alice", None),
        ("member-added", "root", AWAY, None, "alice"),
        ("role-changed", "root", AWAY, "reader", None),
        ("role-changed", "root", AWAY, None, "owner"),
        ("team-renamed", "root", AWAY, "Backend <b>", "Core"),
        ("team-deleted", "root", AWAY, gone, None),
    ]


async def test_members_see_their_own_teams_and_change_nothing(browser):
    member = await somebody(browser, "alice", default="owner")
    stranger = await somebody(browser, "bob")
    page = f"/teams/{(await in_thread(teams.every_team))[0].id}/"

    assert "alice as owner" in (await member.get("/teams/")).text
    shown = await member.get(page)
    assert shown.status == 200
    assert "Delete" not in shown.text
    assert "alice as owner" not in (await stranger.get("/teams/")).text
    # The same answer as for a team that is not there.
    for path in (page, "/teams/9999/"):
        assert (await stranger.get(path)).status == 403
    for path in ("rename/", "delete/", "members/add/", "members/remove/", "roles/"):
        form = {"name": "x", "username": "bob", "repository": "default"}
        assert (await member.post(f"{page}{path}", form)).status == 403, path
    assert (await member.post("/teams/", {"name": "x"})).status == 403
    assert [one.name for one in await in_thread(teams.every_team)] == ["alice as owner of default"]


async def test_what_is_wrong_with_a_form_stands_beside_the_field(browser):
    root = await somebody(browser, "root", administrator=True, default="reader")
    page = f"/teams/{(await in_thread(teams.every_team))[0].id}/"

    assert (
        "There is a team &#x27;root as reader of default&#x27; already."
        in (await root.post("/teams/", {"name": "root as reader of default"})).text
    )
    nobody = await root.post(f"{page}members/add/", {"username": "nobody"})
    assert "There is no user &#x27;nobody&#x27;." in nobody.text
    odd = await root.post(f"{page}roles/", {"repository": "default", "role": "king"})
    assert "king is not one of the available choices" in odd.text
    assert (await root.post("/teams/9999/delete/")).status == 404


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "line\nbreak"])
def test_a_name_that_nobody_could_read_is_refused(tables, name):
    with pytest.raises(BadInput):
        teams.create_team(name)


def test_a_list_of_teams_costs_the_same_however_long_it_is(repository):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as seen:
            teams.every_team()
        return len(seen)

    def make(number):
        people.create_user(f"user{number}", password=PASSWORD)
        made = teams.create_team(f"team{number}")
        teams.add_member(made.id, f"user{number}")
        teams.set_role(made.id, "default", "reader")

    make(1)
    few = queries()
    for number in range(2, 12):
        make(number)
    assert queries() == few
    assert Team.objects.count() == 11
