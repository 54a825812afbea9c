"""Private packages: uploaded, visible at once, idempotent, never mixed with an upstream's."""

from __future__ import annotations

import asyncio

import pytest

from distributions import sdist, wheel
from localshop.catalog import content, credentials, files, people, repositories
from localshop.catalog.journal import Actor
from localshop.catalog.models import Blob, Event, File, Project
from localshop.storage.stores import Store
from pages import JSON, filenames
from threads import in_thread
from upload_form import fields_of, form, upload_of

AWAY = "203.0.113.9"


@pytest.fixture
async def uploader(browser):
    """Uploads as a machine with the right to."""
    row, secret = await in_thread(credentials.create_credential, upload=True)

    async def upload(distribution=None, *, url="/repo/default/", sent=None, headers=None, **changes):
        sent_headers, body = sent or upload_of(distribution, **changes)
        auth = (row.access_key, secret)
        return await browser.ask(
            "POST", url, headers={**sent_headers, **(headers or {})}, auth=auth, peer=AWAY, body=body
        )

    return upload


def change(project):
    from datetime import UTC, datetime

    return content.Change("default", project, Actor("test"), datetime.now(UTC))


def parts(browser):
    return [*browser.application._shop.store.scratch.glob("*.part")]


@pytest.mark.parametrize("make", [wheel, sdist])
@pytest.mark.parametrize(
    "url",
    [
        "/repo/default/",
        "/repo/default",
        "/repo/default/legacy/",
        "/repo/default/legacy",
        "/simple/",
        "/simple",
    ],
)
async def test_an_upload_is_visible_with_its_answer(browser, uploader, upstream, make, url):
    """Whoever has been told that it is there can install it, at every URL that a client may upload to."""
    mine = make("Acme.Tool", "1.0", requires_python=">=3.8")

    answer = await uploader(mine, url=url)

    assert (answer.status, answer.text) == (200, f"{mine.filename} is published.\n")
    [file] = (await browser.get("/repo/default/acme-tool/", headers=JSON)).json()["files"]
    assert file["filename"] == mine.filename
    assert file["url"] == f"/repo/default/{mine.path}"
    assert file["hashes"] == {"sha256": mine.sha256}
    assert (file["size"], file["requires-python"]) == (len(mine.body), ">=3.8")
    assert file["upload-time"].endswith("Z")
    assert (await browser.get(file["url"])).body == mine.body
    metadata = await browser.get(f"{file['url']}.metadata")
    assert (metadata.status, metadata.body) == (
        (200, mine.metadata) if make is wheel else (404, metadata.body)
    )
    assert upstream.count() == 0
    assert not parts(browser)


async def test_the_same_bytes_again_are_no_news(uploader):
    """A client that was cut off sends again, and must not be told that it failed."""
    mine = wheel("acme", "1.0")
    await uploader(mine)
    again = await uploader(mine)

    assert again.status == 200
    assert await in_thread(Event.objects.count) == 1
    assert await in_thread(File.objects.count) == 1


async def test_other_bytes_under_a_taken_name_are_refused(browser, uploader):
    """What somebody installed yesterday is what he gets today."""
    await uploader(wheel("acme", "1.0"))
    other = await uploader(wheel("acme", "1.0", size=500))

    assert other.status == 400
    assert other.text.startswith("File already exists")
    assert await in_thread(Blob.objects.count) == 1
    assert not parts(browser)


async def test_overwriting_gives_a_new_url_and_leaves_the_old_one(browser, uploader):
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"overwrite": True})
    old, new = wheel("acme", "1.0"), wheel("acme", "1.0", size=500)
    await uploader(old)
    assert (await uploader(new)).status == 200

    [file] = (await browser.get("/repo/default/acme/", headers=JSON)).json()["files"]
    assert file["hashes"]["sha256"] == new.sha256
    assert (await browser.get(f"/repo/default/{old.path}")).body == old.body
    assert (await browser.get(file["url"])).body == new.body


async def test_a_deleted_name_is_not_free_for_other_bytes(browser, uploader):
    """Nobody can put something else where a build expects what was deleted."""
    mine = wheel("acme", "1.0")
    await uploader(mine)
    await in_thread(content.delete_file, change("acme"), mine.filename, bytes_too=False)

    assert (await browser.get(f"/repo/default/{mine.path}")).status == 404
    assert (await browser.get(f"/repo/default/{mine.path}.metadata")).status == 404
    assert (await uploader(wheel("acme", "1.0", size=500))).text.startswith("File already exists")
    assert (await uploader(mine)).status == 200
    assert (await browser.get(f"/repo/default/{mine.path}")).body == mine.body


async def test_deleting_takes_the_bytes_only_if_told_to_and_nobody_needs_them(browser, uploader):
    mine = wheel("acme", "1.0")
    await uploader(mine)
    _, gone = await in_thread(content.delete_file, change("acme"), mine.filename, bytes_too=False)
    assert (gone, await in_thread(Blob.objects.count)) == ([], 1)
    await uploader(mine)
    _, gone = await in_thread(content.delete_release, change("acme"), "1.0", bytes_too=True)
    assert len(gone) == 1
    assert await in_thread(Blob.objects.count) == 0


async def test_sixteen_who_upload_the_same_file_at_once_make_one(browser, uploader):
    mine = wheel("acme", "1.0")
    answers = await asyncio.gather(*[uploader(mine) for _ in range(16)])
    assert {answer.status for answer in answers} == {200}
    assert (await in_thread(File.objects.count), await in_thread(Event.objects.count)) == (1, 1)
    assert not parts(browser)


async def test_of_sixteen_different_files_of_one_name_one_wins(browser, uploader):
    rivals = [wheel("acme", "1.0", size=100 * number) for number in range(1, 17)]
    answers = await asyncio.gather(*[uploader(one) for one in rivals])
    assert sorted(answer.status for answer in answers) == [200] + [400] * 15
    [file] = (await browser.get("/repo/default/acme/", headers=JSON)).json()["files"]
    [winner] = [one for one, answer in zip(rivals, answers, strict=True) if answer.status == 200]
    assert file["hashes"]["sha256"] == winner.sha256


async def test_a_private_name_is_never_told_upstream_and_never_mixed(browser, uploader, upstream, clock):
    """Dependency confusion: an upstream that has version 99 of everything changes nothing."""
    theirs = upstream.add(wheel("acme", "99.0"))
    await uploader(wheel("acme", "1.0"))
    for _ in range(3):
        page = await browser.get("/repo/default/acme/", headers=JSON)
        assert filenames(page) == ["acme-1.0-py3-none-any.whl"]
        clock.forward(10_000)
    assert (await browser.get(f"/repo/default/{theirs.distribution.path}")).status == 404
    assert (await browser.get(f"/repo/default/{theirs.distribution.path}.metadata")).status == 404
    await in_thread(content.delete_project, change("acme"), bytes_too=False)
    page = await browser.get("/repo/default/acme/", headers=JSON)
    assert (page.status, filenames(page)) == (200, [])
    assert upstream.count() == 0


async def test_a_mirrored_project_takes_no_uploads_until_it_is_turned_private(browser, uploader, upstream):
    held = upstream.add(wheel("demo", "1.0"))
    await browser.get(f"/repo/default/{held.distribution.path}")
    mine = wheel("demo", "2.0")

    refused = await uploader(mine)
    assert (refused.status, "is mirrored from" in refused.text) == (400, True)
    await in_thread(content.turn_private, change("demo"))
    assert (await uploader(mine)).status == 200
    page = await browser.get("/repo/default/demo/", headers=JSON)
    assert filenames(page) == [mine.filename]
    assert (await browser.get(f"/repo/default/{held.distribution.path}")).status == 404


async def test_yanking_is_shown_and_can_be_taken_back(browser, uploader):
    mine = wheel("acme", "1.0")
    await uploader(mine)

    async def yanked():
        return (await browser.get("/repo/default/acme/", headers=JSON)).json()["files"][0]["yanked"]

    await in_thread(content.yank, change("acme"), "1", reason="It deletes files.")
    assert await yanked() == "It deletes files."
    await in_thread(content.unyank, change("acme"), "1.0.0")
    assert await yanked() is False


@pytest.mark.parametrize("status", ["archived", "quarantined"])
async def test_an_archived_or_quarantined_project_takes_no_uploads(browser, uploader, status):
    mine = wheel("acme", "1.0")
    await uploader(mine)
    await in_thread(content.set_status, change("acme"), status, reason="Because.")
    assert (await uploader(wheel("acme", "2.0"))).status == 403
    page = (await browser.get("/repo/default/acme/", headers=JSON)).json()
    assert page["project-status"] == {"status": status, "reason": "Because."}
    assert bool(page["files"]) == (status == "archived")


async def test_rights_are_asked_before_the_body(browser, upstream):
    """An anonymous client must not be able to fill the disk."""
    await in_thread(people.create_user, "alice", password="open sesame please")
    reader, secret = await in_thread(credentials.create_credential)
    headers, body = upload_of(wheel("acme", "1.0"))
    for auth, status in (
        (None, 401),
        ((reader.access_key, secret), 403),
        (("alice", "open sesame please"), 403),
    ):
        answer = await browser.ask("POST", "/repo/default/", headers=headers, auth=auth, peer=AWAY, body=body)
        assert answer.status == status
    assert await in_thread(Project.objects.count) == 0


async def test_a_file_that_is_too_large_is_refused_early(browser, uploader, set_config):
    set_config(max_upload_size=1000)
    answer = await uploader(wheel("acme", "1.0", size=5000))
    assert (answer.status, "1000 bytes" in answer.text) == (413, True)
    answer = await uploader(wheel("acme", "1.0", size=50_000_000))
    assert answer.status == 413
    assert not parts(browser)


@pytest.mark.parametrize(
    ("action", "status"), [("submit", 200), ("verify", 200), ("invalid", 404), ("doc_upload", 404)]
)
async def test_other_actions_are_answered_politely(uploader, action, status):
    answer = await uploader(sent=form([(":action", action), ("name", "acme"), ("version", "1.0")]))
    assert answer.status == status
    if status == 404:
        assert answer.text == f"Unknown action: {action}\n"


BROKEN = {
    "no name": ({"name": None}, "No name or version given"),
    "no version": ({"version": None}, "No name or version given"),
    "other protocol": ({"protocol_version": "2"}, "Unknown protocol version."),
    "wrong digest": ({"sha256_digest": "0" * 64}, "sha256"),
    "wrong version": ({"version": "2.0"}, "2.0"),
    "wrong name": ({"name": "other"}, "other"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_form_that_says_something_else_than_its_file_is_refused(browser, uploader, case):
    changes, words = BROKEN[case]
    answer = await uploader(wheel("acme", "1.0"), **changes)
    assert answer.status == 400
    assert words in answer.text
    assert not parts(browser)


async def test_forms_that_are_cut_doubled_or_none_are_refused_and_leave_nothing(browser, uploader):
    mine = wheel("acme", "1.0")
    headers, body = upload_of(mine)
    doubled = form([*fields_of(mine), ("name", "acme")], filename=mine.filename, content=mine.body)
    for sent in (
        (headers, body[: len(body) // 2]),
        (headers, b""),
        (headers, b"garbage"),
        ({"Content-Type": "multipart/form-data"}, body),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=b"),
        ({**headers, "Content-Encoding": "gzip"}, body),
        doubled,
        form(fields_of(mine)),
        form(fields_of(mine), filename="../../etc/passwd", content=mine.body),
        form(fields_of(mine), filename="", content=mine.body),
    ):
        answer = await uploader(sent=sent)
        assert answer.status == 400, answer
    assert await in_thread(Project.objects.count) == 0
    assert not parts(browser)


async def test_uv_is_told_in_json_and_others_in_text(uploader):
    """Each client shows a person what it can read; all of them the reason."""
    mine = wheel("acme", "1.0")
    accept = "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7"
    answer = await uploader(mine, version="2.0", headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["code"].startswith("400 ")
    plain = await uploader(mine, version="2.0")
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"


async def test_packages_of_a_company_are_not_measured_by_the_rules_of_a_public_index(browser, uploader):
    """Local versions, linux tags and private classifiers are what a private index is for."""
    for mine in (
        wheel("acme", "1.0+local.2"),
        wheel("acme", "1.0", tag="cp311-cp311-linux_x86_64"),
        sdist("Acme.Old_Name", "1.0"),
    ):
        assert (await uploader(mine)).status == 200
    page = await browser.get("/repo/default/acme/", headers=JSON)
    assert len(filenames(page)) == 2


async def test_a_repository_may_keep_projects_to_those_who_began_them(browser, uploader):
    """One team cannot publish under another's name by accident."""
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes={"owners_only": True})
    other, secret = await in_thread(credentials.create_credential, upload=True)
    await in_thread(people.create_user, "root", password="open sesame please", administrator=True)
    await uploader(wheel("acme", "1.0"))

    async def upload(auth, version):
        headers, body = upload_of(wheel("acme", version))
        return await browser.ask("POST", "/repo/default/", headers=headers, auth=auth, peer=AWAY, body=body)

    refused = await upload((other.access_key, secret), "2.0")
    assert (refused.status, refused.headers["x-localshop-refusal"]) == (403, "not-your-project")
    assert (await upload(("root", "open sesame please"), "2.0")).status == 200
    assert (await uploader(wheel("acme", "3.0"))).status == 200


@pytest.mark.parametrize("strict", [False, True])
async def test_a_record_that_does_not_fit_is_a_remark_or_a_refusal(browser, uploader, strict):
    changes = {"strict_record": strict}
    await in_thread(repositories.edit_repository, "default", upstreams=None, changes=changes)
    answer = await uploader(_with_wrong_record())
    assert answer.status == (400 if strict else 200)
    assert "RECORD" in answer.text


async def test_attestations_are_kept_and_never_a_reason_to_refuse(browser, uploader):
    """PEP 740; uv sends them along by itself when it finds them."""
    from localshop.catalog.models import Attestations

    assert (await uploader(wheel("acme", "1.0"), attestations='[{"version": 1}]')).status == 200
    assert (await uploader(wheel("acme", "2.0"), attestations="garbage")).status == 200
    assert await in_thread(lambda: Attestations.objects.get().body) == [{"version": 1}]


def _with_wrong_record():
    import dataclasses
    import io
    import zipfile

    good = wheel("acme", "1.0")
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good.body)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            new.writestr(
                info, data.replace(b"sha256=", b"sha256=AAAA") if "RECORD" in info.filename else data
            )
    return dataclasses.replace(good, body=buffer.getvalue())


async def test_bytes_that_were_lost_can_be_sent_again(browser, uploader):
    """Whoever still has the file need not look for a backup."""
    mine = wheel("acme-tool", "1.0")
    await uploader(mine)
    shop = browser.application._shop
    await in_thread(files.blob_vanished, mine.sha256)
    shop.store.local_path(shop.store.name_for(mine.sha256)).unlink()

    assert (await uploader(mine)).status == 200
    assert (await browser.get(f"/repo/default/{mine.path}")).body == mine.body


async def test_an_upload_whose_bytes_make_room_meanwhile_is_not_acknowledged(browser, uploader, monkeypatch):
    """The same bytes may be mirrored, and make room between being stored and being registered."""
    mine = wheel("acme-tool", "1.0")
    store = browser.application._shop.store
    commit = Store.commit

    def commit_and_lose(self, part, *, sha256):
        name = commit(self, part, sha256=sha256)
        store.delete(name)
        return name

    with monkeypatch.context() as patch:
        patch.setattr(Store, "commit", commit_and_lose)
        assert (await uploader(mine)).status == 503
    assert await in_thread(File.objects.count) == 0
    assert (await uploader(mine)).status == 200
