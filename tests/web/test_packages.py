"""A package's page: files fetched by people, what its author says, and what may be changed there."""

from __future__ import annotations

import dataclasses
import hashlib
from ipaddress import ip_address

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from distributions import sdist, wheel
from localshop import config
from localshop.access.address import Visitor
from localshop.catalog import attestations, credentials, queue, repositories
from localshop.catalog.models import Event, File, Job, Project, Repository
from localshop.jobs.registry import jobs
from localshop.protocol.document import Entry, entry_to_json
from localshop.web import project as page_of_project
from people import AWAY, Person, somebody
from threads import in_thread
from upload_form import upload_of

PAGE = "/repositories/default/packages/acme-tool/"
MIRRORED = "/repositories/default/packages/demo/"


@pytest.fixture
async def published(browser):
    """Upload a version of a private package."""
    row, secret = await in_thread(credentials.create_credential, upload=True)

    async def upload(version):
        mine = wheel("Acme.Tool", version)
        headers, body = upload_of(mine)
        auth = (row.access_key, secret)
        answer = await browser.ask("POST", "/repo/default/", headers=headers, auth=auth, peer=AWAY, body=body)
        assert answer.status == 200
        return mine

    return upload


@pytest.fixture
async def acme(published):
    """A private package, uploaded."""
    return await published("1.0")


@pytest.fixture
async def demo(browser, upstream):
    """A project upstream of which nothing is here but its page."""
    theirs = wheel("demo", "1.0")
    upstream.add(theirs)
    upstream.add(sdist("demo", "1.0"))
    assert (await browser.get("/repo/default/demo/")).status == 200
    return theirs


async def work(browser):
    """Do all jobs that are there."""
    shop = browser.application._shop
    for job in await in_thread(lambda: list(Job.objects.filter(every=0))):
        await jobs(offline=False)[job.name](shop, job.payload)
        await in_thread(job.delete)


def url_of(distribution, page=PAGE):
    return f"{page}files/{distribution.path.removeprefix('packages/')}"


async def test_a_person_downloads_a_file_and_a_browser_runs_nothing_of_it(browser, acme):
    alice = await somebody(browser, "alice")
    answer = await alice.get(url_of(acme))
    assert (answer.status, answer.body) == (200, acme.body)
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert "no-store" in answer.headers["cache-control"]
    head = await browser.head(url_of(acme))
    assert (head.status, head.headers["content-length"]) == (200, str(len(acme.body)))


async def test_who_may_not_read_gets_no_file(browser, acme):
    assert (await Person(browser).get(url_of(acme))).status == 302
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"members_only": True})
    alice = await somebody(browser, "alice")
    assert (await alice.get(url_of(acme))).status == 403


async def test_a_hidden_or_deleted_file_is_not_given(browser, acme):
    alice = await somebody(browser, "alice", administrator=True)
    await in_thread(lambda: Project.objects.update(status="quarantined", status_reason="malware"))
    hidden = await alice.get(url_of(acme))
    assert (hidden.status, "quarantined: malware" in hidden.text) == (403, True)
    assert "quarantined: malware" in (await alice.get(PAGE)).text
    await in_thread(lambda: Project.objects.update(status="active"))
    await in_thread(lambda: File.objects.update(state="deleted"))
    assert (await alice.get(url_of(acme))).status == 404
    assert (await alice.get(f"{PAGE}files/aa/bb/cc/none.whl")).status == 404


async def test_what_is_not_stored_is_fetched_when_a_person_says_so(browser, demo, upstream):
    alice = await somebody(browser, "alice")
    missing = await alice.get(url_of(demo, MIRRORED))
    assert missing.status == 404
    assert "Mirror this file" in missing.text
    answer = await alice.post(f"{MIRRORED}mirror", {"filename": demo.filename})
    assert (answer.status, answer.headers["location"]) == (302, MIRRORED)
    assert "fetching" in (await alice.get(MIRRORED)).text
    await work(browser)
    assert (await alice.get(url_of(demo, MIRRORED))).body == demo.body


async def test_a_whole_release_is_mirrored(browser, demo):
    alice = await somebody(browser, "alice")
    await alice.post(f"{MIRRORED}mirror", {"version": "1.0"})
    await work(browser)
    assert "upstream</span>" not in (await alice.get(MIRRORED)).text
    assert await in_thread(File.objects.filter(blob=None).count) == 0


async def test_a_file_that_cannot_be_fetched_says_why_and_is_tried_again(browser, demo):
    alice = await somebody(browser, "alice")
    await alice.post(f"{MIRRORED}mirror", {"filename": demo.filename})
    await in_thread(
        lambda: Job.objects.update(state="failed", error="The upstream has lost it.", run_after=1e12)
    )
    page = (await alice.get(MIRRORED)).text
    assert "The upstream has lost it." in page
    assert "Try again" in page
    await alice.post(f"{MIRRORED}mirror", {"filename": demo.filename})
    assert [job.state for job in await in_thread(queue.every_job) if job.name == "mirror-file"] == ["waiting"]


async def test_nobody_mirrors_or_refreshes_without_a_login(browser, demo):
    for path, form in (("mirror", {"version": "1.0"}), ("refresh", {})):
        answer = await Person(browser, peer="127.0.0.1").post(f"{MIRRORED}{path}", form)
        assert answer.headers["location"].startswith("/accounts/login/")
    assert "Mirror this" not in (await browser.get(MIRRORED)).text


async def test_a_private_name_is_told_to_no_upstream(browser, acme, upstream):
    alice = await somebody(browser, "alice")
    await in_thread(
        repositories.edit_repository, "default", upstreams=None, changes={"reserved": ["secret-*"]}
    )
    upstream.forget()
    await alice.post(f"{PAGE}refresh")
    for name in ("acme-tool", "secret-plans"):
        await alice.post("/packages/look-up", {"name": name, "repository": "default"})
    await work(browser)
    assert upstream.seen() == []


async def test_a_package_is_looked_up_by_name(browser, upstream):
    upstream.add(wheel("Fresh.One", "2.0", requires=["other>=1"], requires_python=">=3.9"))
    alice = await somebody(browser, "alice")
    answer = await alice.post("/packages/look-up", {"name": "Fresh.One", "repository": "default"})
    assert answer.headers["location"] == "/repositories/default/packages/fresh-one/"
    assert "being asked" in (await alice.get(answer.headers["location"])).text
    await work(browser)
    page = (await alice.get(answer.headers["location"])).text
    assert "other&gt;=1" in page
    assert "&gt;=3.9" in page
    await alice.post("/packages/look-up", {"name": "nobody-has-it", "repository": "default"})
    await work(browser)
    assert (await alice.get("/repositories/default/packages/nobody-has-it/")).status == 404


async def test_a_refresh_shows_what_is_new_upstream(browser, demo, upstream):
    alice = await somebody(browser, "alice")
    upstream.add(wheel("demo", "9.0"))
    assert "9.0" not in (await alice.get(MIRRORED)).text
    await alice.post(f"{MIRRORED}refresh")
    await work(browser)
    assert "demo-9.0" in (await alice.get(MIRRORED)).text
    assert "demo-9.0" in (await browser.get("/repo/default/demo/")).text


@pytest.mark.parametrize(
    ("role", "yanks", "deletes"),
    [("", False, False), ("reader", False, False), ("developer", True, False), ("owner", True, True)],
)
async def test_who_may_yank_and_delete(browser, acme, role, yanks, deletes):
    alice = await somebody(browser, "alice", **({"default": role} if role else {}))
    page = (await alice.get(PAGE)).text
    assert ("yank" in page, "Delete" in page) == (yanks, deletes)
    for path, form in (("yank", {"version": "1.0"}), ("unyank", {"version": "1.0"})):
        assert (await alice.post(f"{PAGE}{path}", form)).status == (302 if yanks else 403), path
    for path, form in (
        ("delete-file", {"filename": "none"}),
        ("delete-release", {"version": "9"}),
        ("delete", {}),
    ):
        assert (await alice.post(f"{PAGE}{path}", form)).status == (302 if deletes else 403), path
    files = await in_thread(lambda: File.objects.filter(state="").count())
    assert files == (0 if deletes else 1)


async def test_where_projects_have_owners_others_do_not_yank_them(browser, acme):
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"owners_only": True})
    alice = await somebody(browser, "alice", default="developer")
    assert (await alice.post(f"{PAGE}yank", {"version": "1.0"})).status == 403


async def test_a_yank_reaches_clients_with_its_reason_and_is_taken_back(browser, acme):
    alice = await somebody(browser, "alice", default="developer")
    await alice.post(f"{PAGE}yank", {"version": "1.0", "reason": "<b>broken</b>"})
    page = await alice.get(PAGE)
    assert "yanked: &lt;b&gt;broken&lt;/b&gt;" in page.text
    listed = await browser.get(
        "/repo/default/acme-tool/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    assert listed.json()["files"][0]["yanked"] == "<b>broken</b>"
    await alice.post(f"{PAGE}unyank", {"version": "1.0"})
    assert 'warn">yanked' not in (await alice.get(PAGE)).text
    events = await in_thread(
        lambda: [(one.action, one.who, one.address) for one in Event.objects.order_by("id")]
    )
    assert events[-2:] == [("yanked", "alice", AWAY), ("unyanked", "alice", AWAY)]


@pytest.mark.parametrize("bytes_too", [False, True])
async def test_deleting_takes_the_bytes_along_only_where_that_is_set(browser, acme, monkeypatch, bytes_too):
    """``LOCALSHOP_DELETE_FILES``: what a user is promised to keep must be there."""
    changed = dataclasses.replace(config.current(), delete_files=bytes_too)
    monkeypatch.setattr(config, "current", lambda: changed)
    shop = browser.application._shop
    name = shop.store.name_for(acme.sha256)
    alice = await somebody(browser, "alice", default="owner")
    assert (await alice.post(f"{PAGE}delete-release", {"version": "1.0"})).status == 302
    assert (shop.store.size(name) is None) == bytes_too
    assert (await browser.get(f"/repo/default/{acme.path}")).status == 404


async def test_deleting_asks_first_and_says_what_goes(browser, acme):
    """On a page, so that it asks also where there is no JavaScript; a GET deletes nothing."""
    alice = await somebody(browser, "alice", default="owner")
    for path in ("delete", "delete-release?version=1.0", f"delete-file?filename={acme.filename}"):
        page = await alice.get(f"{PAGE}{path}")
        assert (page.status, acme.filename in page.text, "cannot be undone" in page.text) == (200, True, True)
    for path in ("delete-release?version=9", "delete-file?filename=other.whl", "delete-file"):
        assert (await alice.get(f"{PAGE}{path}")).status == 404
    assert (await browser.get(url_of(acme))).status == 200
    bob = await somebody(browser, "bob", default="developer")
    assert (await bob.get(f"{PAGE}delete")).status == 403


async def test_a_form_from_elsewhere_deletes_nothing(browser, acme):
    alice = await somebody(browser, "alice", administrator=True)
    headers = {"Cookie": f"localshop_session={alice.session}"}
    assert (await browser.ask("POST", f"{PAGE}delete", headers=headers, peer=AWAY)).status == 403
    assert (await browser.get(url_of(acme))).status == 200


async def test_a_page_with_many_files_asks_the_database_as_often_as_one_with_few(browser):
    """Whoever opens the page of a large project does not wait for a query each file."""

    def fill(number, *, start):
        project, _ = Project.objects.get_or_create(
            repository=Repository.objects.get(slug="default"), name="demo", defaults={"kind": "mirrored"}
        )
        for count in range(start, start + number):
            digest = hashlib.sha256(b"%d" % count).hexdigest()
            entry = Entry(f"demo-{count}.0-py3-none-any.whl", "", f"aa/bb/{digest}", sha256=digest)
            File.objects.create(
                repository=project.repository, project=project, filename=entry.filename, path=entry.path,
                sha256=digest, entry=entry_to_json(entry),
            )  # fmt: skip

    def count():
        request = RequestFactory().get(MIRRORED)
        request.scope = {"localshop.visitor": Visitor(ip_address("127.0.0.1"))}
        request.user = AnonymousUser()
        request.resolver_match = None
        with CaptureQueriesContext(connection) as queries:
            assert page_of_project.project(request, "default", "demo").status_code == 200
        return len(queries)

    await in_thread(fill, 5, start=0)
    few = await in_thread(count)
    await in_thread(fill, 495, start=5)
    assert await in_thread(count) == few <= 20


async def test_a_readme_is_shown_as_text_until_it_is_rendered(browser, acme):
    def describe():
        from localshop.catalog import files

        row = File.objects.get()
        body = (
            b"Metadata-Version: 2.1\nName: acme-tool\nVersion: 1.0\nSummary: <i>x</i>\n"
            b"Project-URL: Evil, javascript:alert(1)\nHome-page: https://a.example\n"
            b"Description-Content-Type: text/markdown\n\n# Title\n\n<script>alert(1)</script>\n"
        )
        digest = hashlib.sha256(body).hexdigest()
        files.save_metadata(
            row.project_id, path=row.path, filename=row.filename, sha256=digest, body=body, surprising=False
        )

    await in_thread(describe)
    first = (await browser.get(PAGE)).text
    assert "# Title" in first
    assert "&lt;script&gt;alert" in first
    await work(browser)
    second = (await browser.get(PAGE)).text
    assert "<h1>Title</h1>" in second
    assert "<script>alert" not in second
    assert "&lt;i&gt;x" in second
    assert 'href="javascript' not in second
    assert '<a href="https://a.example" rel="nofollow noopener">' in second


async def test_who_made_a_file_is_told_and_a_change_of_hands_noticed(browser, acme, published):
    """A project that proved where it is made, and suddenly does not, may have been taken over."""
    alice = await somebody(browser, "alice")
    await in_thread(origin_of, acme.filename, "GitHub acme/tool, workflow release.yml")
    page = (await alice.get(PAGE)).text
    assert "Made by GitHub acme/tool, workflow release.yml" in page
    assert "verifiably made" not in page

    await published("2.0")
    assert "nothing tells who made 2.0" in (await alice.get(PAGE)).text
    await in_thread(origin_of, "acme_tool-2.0-py3-none-any.whl", "GitHub mallory/tool, workflow release.yml")
    page = (await alice.get(PAGE)).text
    assert "1.0 was verifiably made by GitHub acme/tool" in page
    assert "2.0 by GitHub mallory/tool" in page


async def test_attestations_that_prove_nothing_are_no_badge(browser, acme):
    await in_thread(lambda: attestations.keep(File.objects.get().id, [{}]))
    alice = await somebody(browser, "alice")
    assert "not verified yet" in (await alice.get(PAGE)).text
    await in_thread(
        lambda: attestations.invalid(File.objects.get().id, body=[{}], why="<script>alert(1)</script>")
    )
    page = (await alice.get(PAGE)).text
    assert "prove nothing: &lt;script&gt;" in page
    assert "verified</span>" not in page


def origin_of(filename, publisher):
    file_id = File.objects.get(filename=filename).id
    attestations.verified(file_id, body=[], provenance={}, publisher=publisher)
