"""Lists that grow: a page asks the database as often for a hundred rows as for a few."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from localshop.catalog.models import Alarm, Blob, File, Project, Repository, Team, User
from people import queries_of, somebody
from threads import in_thread

PAGES = (
    "/",
    "/packages/",
    "/packages/?q=tool",
    "/repositories/default/packages/tool-0/",
    "/repositories/default/packages/tool-0/delete",
    "/accounts/users/",
    "/teams/",
    "/teams/{team}/",
    "/alarms/",
)


def fill(team_id, start, stop):
    """So many more projects, files of one of them, users and teams."""
    repository = Repository.objects.get(slug="default")
    for number in range(start, stop):
        project = Project.objects.create(
            repository=repository, name=f"tool-{number}", kind="private", summary="A tool"
        )
        blob = Blob.objects.create(sha256=f"{number:064}", size=1, name=f"aa/{number}")
        for of in {project, Project.objects.get(name="tool-0")}:
            filename = f"{of.name.replace('-', '_')}-{number}-py3-none-any.whl"
            entry = {"filename": filename, "url": "", "path": f"aa/bb/{of.id}", "sha256": blob.sha256}
            File.objects.create(
                repository=repository,
                project=of,
                filename=filename,
                path=f"aa/bb/{of.id}",
                sha256=blob.sha256,
                entry=entry,
                blob=blob,
            )
        alarm = {"repository": "default", "project": project.name, "version": "1.0", "at": datetime.now(UTC)}
        Alarm.objects.create(**alarm, cause="malicious", sentence="It is bad.")
        user = User.objects.create(username=f"user-{number}")
        team = Team.objects.create(name=f"team-{number}")
        team.members.add(user)
        Team.objects.get(id=team_id).members.add(user)
        team.grants.create(repository=repository, role="reader")


@pytest.fixture
async def root(browser):
    return await somebody(browser, "root", administrator=True)


async def test_no_page_asks_for_each_row(browser, root):
    team = await in_thread(lambda: Team.objects.create(name="everybody").id)
    urls = [page.format(team=team) for page in PAGES]
    await in_thread(fill, team, 0, 3)
    # The first visit has work done that is done once.
    for url in urls:
        await queries_of(root, url)
    few = {url: len(await queries_of(root, url)) for url in urls}
    await in_thread(fill, team, 3, 30)
    assert {url: len(await queries_of(root, url)) for url in urls} == few
    assert max(few.values()) < 30, few
