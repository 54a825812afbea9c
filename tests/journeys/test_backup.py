"""A backup is one moment of everything, whoever works meanwhile; what it was made of comes back whole."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from storages.backends.s3 import S3Storage

from distributions import sdist, wheel
from localshop.backup import sources
from localshop.backup.bring_back import bring_back
from localshop.backup.take import take
from localshop.backup.targets import Tar, opened
from localshop.catalog import blobs, content, credentials, holds, people, repositories, snapshot
from localshop.catalog.content import Change
from localshop.catalog.journal import Actor
from localshop.catalog.models import Event, File, Hold, Project, Upstream, User
from localshop.errors import BadInput
from localshop.storage.opening import open_store
from localshop.storage.stores import Store
from object_store import ObjectStore
from pages import JSON
from stored_files import flip, make_private, path_of, put, take_away
from threads import in_thread
from upload_form import upload_of

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
MARKER = "a-marker-of-a-password"


class Elsewhere(FileSystemStorage):
    """A storage of somebody else's, that gives other names than it was asked for."""

    def get_available_name(self, name, max_length=None):
        return super().get_available_name(f"{name}.bin", max_length)


@pytest.fixture
def shop(repository):
    return SimpleNamespace(store=open_store())


@pytest.fixture
def full(repository, shop):
    """Something of everything: people, credentials, a sealed password, private and mirrored files."""
    people.create_user("ann", password="correct horse battery", administrator=True, actor=Actor("test"))
    url = "https://index.example.com/simple/".replace("//", f"//reader:{MARKER}@")
    repositories.create_repository("other", upstreams=[url], networks=[], changes={"reserved": ["acme-*"]})
    _, secret = credentials.create_credential(repositories=["other"], user="ann", upload=True)
    held = [wheel("Demo", "1.0"), wheel("Demo", "2.0", size=2_000_000), sdist("Other.Name", "1.0")]
    for one in held:
        make_private(shop, one)
    return held, secret


def backed_up(directory, store, **options):
    with opened(directory) as target:
        return take(target, store, now=options.pop("now", NOW), tell=lambda _: None, **options)


def brought_back(source, store, tmp_path, *, stream=None, snapshot=None, passwords=True, incomplete=False):
    opening = sources.opened(str(source), stream or io.BytesIO(), snapshot=snapshot, scratch=tmp_path)
    with opening as found:
        return bring_back(found, store, passwords=passwords, incomplete=incomplete, tell=lambda *_: None)


def empty(store):
    """A new machine: no rows, no files."""
    call_command("flush", verbosity=0, interactive=False)
    for name in list(store.names()):
        store.delete(name)


def rows():
    """All that matters, as it would be told."""
    return {
        "files": sorted(File.objects.values_list("filename", "sha256", "path", "created", "state")),
        "projects": sorted(Project.objects.values_list("name", "kind", "serial")),
        "people": sorted(User.objects.values_list("username", "password", "date_joined")),
        "events": sorted(Event.objects.values_list("action", "who", "at")),
        "repositories": repositories.every_repository(),
        "credentials": credentials.every_credential(),
    }


@pytest.mark.parametrize("kind", ["directory", "tar"])
async def test_all_comes_back_as_it_was(browser, shop, full, tmp_path, kind):
    """After the disk has burnt everything is as it was: rows with their times, files to the last bit."""

    def there_and_back():
        before = rows()
        if kind == "directory":
            backed_up(tmp_path / "backups", shop.store)
            source, stream = tmp_path / "backups", None
        else:
            stream = io.BytesIO()
            take(Tar(stream, tmp_path), shop.store, now=NOW, tell=lambda _: None)
            source, stream = "-", io.BytesIO(stream.getvalue())
        empty(shop.store)
        restored = brought_back(source, shop.store, tmp_path, stream=stream)
        return before, rows(), restored

    held, secret = full
    before, after, restored = await in_thread(there_and_back)
    assert after == before
    assert (restored.files, restored.lacking) == (3, [])
    page = (await browser.get("/repo/default/demo/", headers=JSON)).json()
    assert [one["filename"] for one in page["files"]] == [one.filename for one in held[:2]]
    for one in held:
        assert (await browser.get(f"/repo/default/{one.path}")).body == one.body
    pair = base64.b64encode(f"__token__:{secret}".encode()).decode()
    answer = await browser.get("/repo/other/", headers={"Authorization": f"Basic {pair}"}, peer="10.1.2.3")
    assert answer.status == 403, "It has no network; the credential itself is known."
    # New rows get new ids, also where the database keeps count.
    assert (await in_thread(people.create_user, "bob", password="correct horse battery")).id > 1


def test_what_comes_after_is_not_in_it(shop, full, tmp_path, monkeypatch):
    """Tables and files are of one moment: an upload between the two is in neither, or in both."""
    late = wheel("Late", "1.0")
    real = snapshot.snapshot

    def and_somebody_uploads(*args):
        context = real()
        alias = context.__enter__()
        make_private(shop, late)
        return _Given(alias, context)

    monkeypatch.setattr("localshop.backup.take.snapshot", and_somebody_uploads)
    backed_up(tmp_path / "backups", shop.store)
    monkeypatch.undo()
    empty(shop.store)
    brought_back(tmp_path / "backups", shop.store, tmp_path)
    assert "late" not in set(Project.objects.values_list("name", flat=True))
    assert not path_of(shop, late).exists()


class _Given:
    """A context that was entered already."""

    def __init__(self, alias, context):
        self.alias, self.context = alias, context

    def __enter__(self):
        return self.alias

    def __exit__(self, *why):
        return self.context.__exit__(*why)


def test_nobody_takes_away_what_a_running_backup_needs(shop, full, tmp_path, monkeypatch):
    """Deleting and sweeping go on meanwhile; the bytes stay until it is done, and go then."""
    held, _ = full
    orphan = put(shop, b"nobody's", known=False)
    unneeded = put(shop, b"nobody's any more")
    change = Change("default", "demo", Actor("test"), NOW)
    real = shop.store.open
    seen = []

    def while_it_copies(name, **options):
        if not seen:
            seen.append(content.delete_file(change, held[0].filename, bytes_too=True))
            remove = shop.store.delete
            assert not blobs.remove_unreferenced(unneeded.id, remove=remove)
            assert not blobs.remove_orphan(orphan, sha256=orphan[-64:], remove=remove)
        return real(name, **options)

    monkeypatch.setattr(shop.store, "open", while_it_copies)
    taken = backed_up(tmp_path / "backups", shop.store)
    assert seen == [([held[0].filename], [])]
    assert (taken.manifest.missing, taken.manifest.damaged) == ([], [])
    assert not Hold.objects.exists()
    remove = shop.store.delete
    assert blobs.remove_unreferenced(unneeded.id, remove=remove)
    assert blobs.remove_orphan(orphan, sha256=orphan[-64:], remove=remove)
    assert blobs.remove_orphan(shop.store.name_for(held[0].sha256), sha256=held[0].sha256, remove=remove)
    monkeypatch.undo()
    empty(shop.store)
    brought_back(tmp_path / "backups", shop.store, tmp_path)
    assert held[0].filename in set(File.objects.filter(state="").values_list("filename", flat=True))
    assert path_of(shop, held[0]).read_bytes() == held[0].body


def test_a_hold_of_a_killed_backup_ends_by_itself(shop, full):
    """Room can be made again, also after a backup that never came to its end."""
    holds.begin()
    assert holds.held()
    Hold.objects.update(until=1.0)
    assert not holds.held()
    holds.begin()
    assert Hold.objects.count() == 1


def test_a_nightly_backup_is_cheap_and_the_old_ones_go(shop, full, tmp_path):
    """What is there is not copied again; what only old snapshots have goes with them."""
    held, _ = full
    root = tmp_path / "backups"
    assert backed_up(root, shop.store).copied == 3
    new = wheel("Demo", "3.0")
    make_private(shop, new)
    assert backed_up(root, shop.store, now=NOW + timedelta(days=1)).copied == 1
    content.delete_file(Change("default", "demo", Actor("test"), NOW), held[0].filename, bytes_too=True)
    taken = backed_up(root, shop.store, now=NOW + timedelta(days=2), keep=2)
    assert (taken.copied, taken.removed) == (0, ["20261125T080000Z"])
    assert len(list((root / "files").glob("??/??/*"))) == 4, "One of the two that are kept has it."
    taken = backed_up(root, shop.store, now=NOW + timedelta(days=3), keep=1)
    kept = {path.name for path in (root / "files").glob("??/??/*")}
    assert kept == {one.sha256 for one in (*held[1:], new)}
    assert {path.name for path in (root / "snapshots").iterdir()} == {
        "20261128T080000Z.json",
        "20261128T080000Z.tables.gz",
    }
    empty(shop.store)
    assert brought_back(root, shop.store, tmp_path).files == 3


def test_no_secret_is_in_clear_in_it(shop, full, tmp_path):
    """Whoever finds the tape has no key to anything."""
    _, secret = full
    backed_up(tmp_path / "backups", shop.store)
    text = b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in (tmp_path / "backups").rglob("*")
        if path.is_file()
    )
    for one in (secret, MARKER, "correct horse battery"):
        for form in (one.encode(), base64.b64encode(one.encode()), one.encode().hex().encode()):
            assert form not in text


def test_passwords_of_upstreams_need_the_old_key(shop, full, tmp_path, settings_key):
    """A password that nobody can open any more is told before anything is brought back, and can be left."""
    backed_up(tmp_path / "backups", shop.store)
    empty(shop.store)
    settings_key("another key that is long and varied enough 0123456789")
    with pytest.raises(BadInput, match=r"secret_key.*--without-passwords"):
        brought_back(tmp_path / "backups", shop.store, tmp_path)
    assert not Project.objects.exists()
    restored = brought_back(tmp_path / "backups", shop.store, tmp_path, passwords=False)
    assert restored.passwords_lost == ["https://index.example.com/simple/"]
    assert {bytes(one) for one in Upstream.objects.values_list("password", flat=True)} == {b""}
    assert repositories.every_repository()


@pytest.fixture
def settings_key(monkeypatch):
    from django.conf import settings

    return lambda key: monkeypatch.setattr(settings, "SECRET_KEY", key)


def test_lost_and_damaged_files_do_not_stop_it_but_are_told(shop, full, tmp_path):
    """One bad sector must not be the reason that there is no backup at all, nor be passed on unseen."""
    held, _ = full
    take_away(path_of(shop, held[0]))
    flip(path_of(shop, held[1]))
    taken = backed_up(tmp_path / "backups", shop.store)
    assert (taken.manifest.missing, taken.manifest.damaged) == ([held[0].sha256], [held[1].sha256])
    empty(shop.store)
    restored = brought_back(tmp_path / "backups", shop.store, tmp_path)
    assert restored.lacking == sorted([held[0].sha256, held[1].sha256])
    assert {one.filename for _, one in blobs.lost()} == {held[0].filename, held[1].filename}


@pytest.mark.parametrize("harm", ["flip", "take_away"])
def test_a_backup_that_rotted_is_not_believed(shop, full, tmp_path, harm):
    """Every file is read against its digest; nothing is brought back of a bad backup unless one insists."""
    held, _ = full
    root = tmp_path / "backups"
    backed_up(root, shop.store)
    bad = held[1].sha256
    {"flip": flip, "take_away": take_away}[harm](root / "files" / bad[:2] / bad[2:4] / bad)
    empty(shop.store)
    with pytest.raises(BadInput, match=f"damaged.*{bad}"):
        brought_back(root, shop.store, tmp_path)
    assert not Project.objects.exists()
    assert brought_back(root, shop.store, tmp_path, incomplete=True).lacking == [bad]
    assert path_of(shop, held[0]).read_bytes() == held[0].body


def test_what_is_no_backup_is_told(shop, full, tmp_path):
    """A wrong path, a cut file, changed tables, a newer version: a sentence each, and no change."""
    root = tmp_path / "backups"
    backed_up(root, shop.store)
    tar = tmp_path / "x.tar"
    with tar.open("wb") as out:
        take(Tar(out, tmp_path), shop.store, now=NOW, tell=lambda _: None)
    whole = tar.read_bytes()
    before = rows()
    for name, body in [("cut", whole[: len(whole) * 2 // 3]), ("start", whole[:900]), ("no", b"hello")]:
        path = tmp_path / f"{name}.tar"
        path.write_bytes(body)
        with pytest.raises(BadInput, match=r"cannot be read|not whole|no backup|damaged"):
            brought_back(path, shop.store, tmp_path)
    for place in (tmp_path / "nothing", tmp_path / "files"):
        with pytest.raises(BadInput, match="cannot be read"):
            brought_back(place, shop.store, tmp_path)
    with pytest.raises(BadInput, match="There is no snapshot 'x'"):
        brought_back(root, shop.store, tmp_path, snapshot="x")
    (manifest,) = (root / "snapshots").glob("*.json")
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(told | {"tables_sha256": "0" * 64}))
    with pytest.raises(BadInput, match="tables are not those"):
        brought_back(root, shop.store, tmp_path)
    manifest.write_text(json.dumps(told | {"format": 2}))
    with pytest.raises(BadInput, match="newer"):
        brought_back(root, shop.store, tmp_path)
    assert rows() == before


def test_a_directory_with_something_else_in_it_is_left_alone(tmp_path):
    """A typing error must not have --keep tidy up somebody's home."""
    (tmp_path / "letters").write_text("dear")
    with pytest.raises(BadInput, match="no backup"), opened(tmp_path):
        pass
    with pytest.raises(BadInput, match="no directory"), opened(tmp_path / "letters"):
        pass


@pytest.fixture(params=["foreign", "s3"])
def elsewhere(request, tmp_path):
    """A storage that is not the disk of this machine."""
    if request.param == "s3":
        with ObjectStore() as running:
            yield Store(S3Storage(**running.bucket().options), scratch=tmp_path)
        return
    store = Store(Elsewhere(location=str(tmp_path / "elsewhere")), scratch=tmp_path)
    store._disk = None
    yield store


def test_from_and_to_a_storage_that_is_not_this_disk(shop, full, tmp_path, elsewhere):
    """Files come out of any storage and go into any other, whatever that calls them."""
    held, _ = full
    backed_up(tmp_path / "backups", shop.store)
    empty(shop.store)
    brought_back(tmp_path / "backups", elsewhere, tmp_path)
    for one in File.objects.select_related("blob"):
        assert elsewhere.size(one.blob.name) == one.size
    assert backed_up(tmp_path / "again", elsewhere).copied == 3
    call_command("flush", verbosity=0, interactive=False)
    brought_back(tmp_path / "again", shop.store, tmp_path)
    for one in held:
        assert path_of(shop, one).read_bytes() == one.body


def test_a_newer_backup_is_refused(shop, full, tmp_path, monkeypatch):
    """A backup of a newer program would be read wrongly by an older one."""
    monkeypatch.setattr("localshop.catalog.migrating.newest", lambda: "9999_future")
    backed_up(tmp_path / "backups", shop.store)
    monkeypatch.undo()
    empty(shop.store)
    with pytest.raises(BadInput, match=r"newer localshop.*9999_future"):
        brought_back(tmp_path / "backups", shop.store, tmp_path)


async def test_uploads_wait_for_nothing_while_the_tables_are_read(browser, shop, full):
    """Somebody who publishes does not notice that a backup runs."""
    _, secret = await in_thread(credentials.create_credential, upload=True)
    pair = base64.b64encode(f"__token__:{secret}".encode()).decode()
    headers, body = upload_of(wheel("Meanwhile", "1.0"))

    authorized = {**headers, "Authorization": f"Basic {pair}"}
    loop = asyncio.get_running_loop()

    def reading():
        with snapshot.snapshot() as alias:
            before = File.objects.using(alias).count()
            asked = browser.ask("POST", "/repo/default/", headers=authorized, body=body)
            answer = asyncio.run_coroutine_threadsafe(asked, loop).result()
            return answer, before, File.objects.using(alias).count()

    answer, before, after = await in_thread(reading)
    assert answer.status == 200, answer.body
    assert before == after
