"""What every Django storage promises once it is a store: whole files or none, one name for one content."""

from __future__ import annotations

import errno
import functools
import hashlib
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage
from hypothesis import given
from hypothesis import strategies as st
from storages.backends.s3 import S3Storage

from localshop import config, errors
from localshop.storage import disk, opening
from localshop.storage.disk import DiskStorage
from localshop.storage.stores import Store
from object_store import ObjectStore

BAD_NAMES = [
    "..",
    "../out",
    "aa/../../out",
    "/etc/passwd",
    "aa//bb",
    "aa/./bb",
    "aa/",
    "aa\\..\\out",
    "aa/\0",
    ".tmp/part",
    "aa/.hidden",
]


class Bucket(Storage):
    """The least that a storage can be: no paths, and a file is what its bytes are."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refuse: Exception | None = None

    def _save(self, name: str, content: File) -> str:
        if self.refuse is not None:
            raise self.refuse
        self.objects[name] = b"".join(content.chunks())
        return name

    def _open(self, name: str, mode: str = "rb") -> File:
        return ContentFile(self.objects[name], name=name)

    def exists(self, name: str) -> bool:
        return name in self.objects

    def size(self, name: str) -> int:
        return len(self.objects[name])

    def delete(self, name: str) -> None:
        del self.objects[name]


def on_disk(place: Path) -> Storage:
    return DiskStorage(place)


def on_djangos_disk(place: Path) -> Storage:
    return FileSystemStorage(location=place)


def in_memory(place: Path) -> Storage:
    return InMemoryStorage(location=place)


def in_a_bucket(place: Path) -> Storage:
    return Bucket()


def in_s3(place: Path) -> Storage:
    return S3Storage(**_object_store().bucket().options)


def below_a_place_in_s3(place: Path) -> Storage:
    return S3Storage(**_object_store().bucket().options, location="team/packages")


@functools.cache
def _object_store() -> ObjectStore:
    return ObjectStore().__enter__()


@pytest.fixture(scope="module", autouse=True)
def _object_store_ends() -> Iterator[None]:
    yield
    if _object_store.cache_info().currsize:
        _object_store().__exit__()
        _object_store.cache_clear()


@pytest.fixture(params=[on_disk, on_djangos_disk, in_memory, in_a_bucket, in_s3, below_a_place_in_s3])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    make: Callable[[Path], Storage] = request.param
    return make(tmp_path / "files")


@pytest.fixture
def store(storage: Storage, tmp_path: Path) -> Store:
    return Store(storage, scratch=tmp_path / "files" / ".tmp")


@pytest.fixture
def ours(tmp_path: Path) -> Store:
    return Store(DiskStorage(tmp_path / "files"), scratch=tmp_path / "files" / ".tmp")


def arrive(store: Store, data: bytes, name: str = "arriving.part") -> tuple[Path, str]:
    """Put a complete part into the scratch directory; give it and its digest."""
    part = store.scratch / name
    part.write_bytes(data)
    return part, hashlib.sha256(data).hexdigest()


def everything_below(place: Path) -> set[str]:
    """All files that a reader of the storage could come across."""
    return {
        str(path.relative_to(place))
        for path in place.rglob("*")
        if path.is_file() and path.relative_to(place).parts[0] != ".tmp"
    }


# Every storage.


def test_stored_files_are_listed_and_dated_where_a_storage_can(store: Store, storage: Storage) -> None:
    """What is in no table is found by this; what is not ours, or is only arriving, is not among it."""
    names = [
        store.commit(part, sha256=sha256) for part, sha256 in (arrive(store, b"%d" % n) for n in range(5))
    ]
    arrive(store, b"arriving", "other.part")
    if isinstance(storage, Bucket):
        with pytest.raises(errors.StorageError, match="listed"):
            list(store.names())
        return
    for foreign in ("README", "aa/bb/notes", "aa/x/y", f"aa/bb/{'c' * 64}"):
        storage.save(foreign, ContentFile(b"not ours"))
    assert list(store.names()) == sorted(names)
    assert store.modified(names[0]) == pytest.approx(time.time(), abs=60)
    assert store.modified(store.name_for("ab" * 32)) is None


def test_a_file_that_is_set_aside_is_kept_whole_where_no_name_leads(store: Store, storage: Storage) -> None:
    part, sha256 = arrive(store, b"rotten")
    name = store.commit(part, sha256=sha256)
    aside = store.set_aside(name, sha256=sha256)
    assert store.size(name) is None
    if store.local_path(name) is not None:
        assert Path(aside).read_bytes() == b"rotten"
    else:
        with storage.open(aside) as kept:
            assert kept.read() == b"rotten"
    if not isinstance(storage, Bucket):
        assert list(store.names()) == []
    store.set_aside(name, sha256=sha256)
    part, _ = arrive(store, b"good")
    assert store.commit(part, sha256=sha256) == name


def test_the_room_that_is_left_is_told(store: Store) -> None:
    free, total = store.room()
    assert 0 < free <= total


def test_what_was_committed_is_read_back(store: Store) -> None:
    part, sha256 = arrive(store, b"a wheel" * 1000)
    name = store.commit(part, sha256=sha256)
    assert name == store.name_for(sha256) == f"{sha256[:2]}/{sha256[2:4]}/{sha256}"
    assert store.size(name) == 7000
    with store.open(name) as file:
        assert file.read() == b"a wheel" * 1000
    assert store.read(name, start=5, stop=9) == b"el" + b"a "
    assert not part.exists(), "the part would take up room for ever"


def test_an_empty_file_is_a_file(store: Store) -> None:
    part, sha256 = arrive(store, b"")
    name = store.commit(part, sha256=sha256)
    assert store.size(name) == 0
    assert store.read(name, start=0, stop=0) == b""


def test_a_file_that_is_not_there_is_told_apart_from_a_broken_storage(store: Store) -> None:
    name = store.name_for("ab" * 32)
    assert store.size(name) is None
    with pytest.raises(FileNotFoundError):
        store.open(name)
    with pytest.raises(FileNotFoundError):
        store.read(name, start=0, stop=1)
    store.delete(name)


def test_a_deleted_file_is_gone_and_can_come_back(store: Store) -> None:
    part, sha256 = arrive(store, b"once")
    name = store.commit(part, sha256=sha256)
    store.delete(name)
    assert store.size(name) is None
    part, _ = arrive(store, b"once")
    assert store.commit(part, sha256=sha256) == name
    assert store.read(name, start=0, stop=4) == b"once"


def test_the_same_content_twice_is_one_file(store: Store) -> None:
    names = set()
    for _ in range(2):
        part, sha256 = arrive(store, b"same")
        names.add(store.commit(part, sha256=sha256))
        assert not part.exists()
    assert names == {store.name_for(sha256)}


def test_eight_commits_at_once_make_one_whole_file_under_one_name(store: Store) -> None:
    data = os.urandom(300_000)
    parts = [arrive(store, data, name=f"{number}.part")[0] for number in range(8)]
    sha256 = hashlib.sha256(data).hexdigest()
    together = threading.Barrier(8)

    def commit(part: Path) -> tuple[str, bytes]:
        together.wait()
        name = store.commit(part, sha256=sha256)
        return name, store.read(name, start=0, stop=len(data))

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(commit, parts))
    assert answers == {(store.name_for(sha256), data)}
    assert not list(store.scratch.glob("*.part"))


def test_a_file_that_was_cut_is_replaced_by_the_whole_one(store: Store, storage: Storage) -> None:
    data = b"0123456789"
    name = store.name_for(hashlib.sha256(data).hexdigest())
    storage.save(name, ContentFile(data[:4]))
    part, sha256 = arrive(store, data)
    assert store.commit(part, sha256=sha256) == name
    assert store.read(name, start=0, stop=10) == data


def test_a_file_shorter_than_what_is_wanted_is_an_error_and_not_fewer_bytes(store: Store) -> None:
    part, sha256 = arrive(store, b"four")
    name = store.commit(part, sha256=sha256)
    with pytest.raises(errors.StorageError, match="shorter than 5"):
        store.read(name, start=0, stop=5)


def test_readers_do_not_disturb_each_other(store: Store) -> None:
    part, sha256 = arrive(store, b"0123456789")
    name = store.commit(part, sha256=sha256)
    with store.open(name) as one, store.open(name) as other:
        assert one.read(3) == b"012"
        assert other.read(3) == b"012"
        assert one.read(3) == b"345"


@pytest.mark.parametrize("name", BAD_NAMES)
def test_no_name_leads_out_of_the_storage(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / "out").write_bytes(b"secret")
    for attempt in (
        lambda: store.open(name),
        lambda: store.read(name, start=0, stop=1),
        lambda: store.size(name),
        lambda: store.delete(name),
        lambda: store.local_path(name),
    ):
        with pytest.raises(errors.StorageError, match="not one of a stored file"):
            attempt()
    assert (tmp_path / "out").read_bytes() == b"secret"


@pytest.mark.parametrize("sha256", ["", "../" * 22, "AB" * 32, "ab" * 31, "ab" * 32 + "\n"])
def test_only_a_digest_makes_a_name(store: Store, sha256: str) -> None:
    with pytest.raises(ValueError, match="sha256"):
        store.name_for(sha256)


def test_a_part_that_never_arrived_is_a_storage_error(store: Store) -> None:
    with pytest.raises(errors.StorageError, match="has not arrived"):
        store.commit(store.scratch / "none.part", sha256="ab" * 32)
    assert store.size(store.name_for("ab" * 32)) is None


# Storages that are not ours.


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/srv/bucket"), errors.StorageFull),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), errors.StorageFull),
        (OSError(errno.EIO, "Input/output error"), errors.StorageError),
        (KeyError("an exception of the storage's own library"), errors.StorageError),
    ],
)
def test_whatever_a_storage_raises_becomes_ours(
    tmp_path: Path, refusal: Exception, kind: type[errors.StorageError]
) -> None:
    bucket = Bucket()
    store = Store(bucket, scratch=tmp_path)
    bucket.refuse = refusal
    part, sha256 = arrive(store, b"bytes")
    with pytest.raises(errors.StorageError) as caught:
        store.commit(part, sha256=sha256)
    assert type(caught.value) is kind
    assert "/srv" not in caught.value.sentence, "paths of the server are nobody's business"
    assert part.exists(), "what was fetched is not lost with the failure"
    bucket.refuse = None
    assert store.read(store.commit(part, sha256=sha256), start=0, stop=5) == b"bytes"


def test_a_write_that_a_foreign_storage_breaks_off_leaves_nothing_visible(tmp_path: Path) -> None:
    class Sloppy(Bucket):
        def _save(self, name: str, content: File) -> str:
            self.objects[name] = next(iter(content.chunks()))[:3]
            raise OSError(errno.ENOSPC, "No space left on device")

    bucket = Sloppy()
    store = Store(bucket, scratch=tmp_path)
    part, sha256 = arrive(store, b"bytes")
    with pytest.raises(errors.StorageFull):
        store.commit(part, sha256=sha256)
    assert bucket.objects == {}


def test_the_name_that_a_foreign_storage_chooses_is_the_one_to_remember(tmp_path: Path) -> None:
    class Renaming(Bucket):
        def _save(self, name: str, content: File) -> str:
            return super()._save(f"{name}.bin", content)

    store = Store(Renaming(), scratch=tmp_path)
    part, sha256 = arrive(store, b"bytes")
    name = store.commit(part, sha256=sha256)
    assert name == store.name_for(sha256) + ".bin"
    assert store.read(name, start=0, stop=5) == b"bytes"


def test_only_files_on_this_machine_have_a_path(store: Store, storage: Storage) -> None:
    part, sha256 = arrive(store, b"bytes")
    name = store.commit(part, sha256=sha256)
    path = store.local_path(name)
    if isinstance(storage, FileSystemStorage):
        assert path is not None
        assert path.read_bytes() == b"bytes"
    else:
        assert path is None


# Files on disk, durable.


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The files and directories that were really fsynced, in order."""
    seen: list[Path] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        seen.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("make", [on_disk, on_djangos_disk])
def test_bytes_and_the_way_to_them_are_on_the_disk_before_anybody_is_told(
    make: Callable[[Path], Storage], tmp_path: Path, synced: list[Path]
) -> None:
    place = tmp_path / "files"
    store = Store(make(place), scratch=place / ".tmp")
    part, sha256 = arrive(store, b"bytes")
    path = store.local_path(store.commit(part, sha256=sha256))
    assert path is not None
    assert synced[0] == part
    assert synced[-3:] == [path.parent, path.parent.parent, place]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")
def test_saving_through_django_is_durable_as_well(tmp_path: Path, synced: list[Path]) -> None:
    place = tmp_path / "files"
    DiskStorage(place).save("aa/file", ContentFile(b"bytes"))
    assert synced[0] == tmp_path, "the location itself was new"
    assert synced[1].parent == place / ".tmp"
    assert synced[2:] == [place / "aa", place]


def test_rotten_bytes_of_the_right_size_are_replaced_on_our_disk(ours: Store) -> None:
    part, sha256 = arrive(ours, b"good")
    name = ours.commit(part, sha256=sha256)
    path = ours.local_path(name)
    assert path is not None
    path.write_bytes(b"evil")
    part, _ = arrive(ours, b"good")
    ours.commit(part, sha256=sha256)
    assert ours.read(name, start=0, stop=4) == b"good"


def test_a_reader_keeps_the_old_bytes_while_a_file_is_replaced(tmp_path: Path) -> None:
    storage = DiskStorage(tmp_path / "files")
    assert storage.save("aa/file", ContentFile(b"old")) == "aa/file"
    with storage.open("aa/file") as file:
        assert storage.save("aa/file", ContentFile(b"new")) == "aa/file"
        assert file.read() == b"old"
    assert everything_below(tmp_path / "files") == {"aa/file"}
    with storage.open("aa/file") as file:
        assert file.read() == b"new"


def test_stored_files_are_for_nobody_else(tmp_path: Path) -> None:
    place = tmp_path / "files"
    storage = DiskStorage(place)
    old = os.umask(0)
    try:
        storage.save("aa/bb/saved", ContentFile(b"x"))
        part = tmp_path / "part"
        part.write_bytes(b"x")
        storage.adopt(part, "aa/bb/adopted")
    finally:
        os.umask(old)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (place, *place.rglob("*"))}
    assert modes == {
        "files": 0o700,
        ".tmp": 0o700,
        "aa": 0o700,
        "bb": 0o700,
        "saved": 0o600,
        "adopted": 0o600,
    }


def test_the_group_may_read_where_a_web_server_sends_the_files(tmp_path: Path) -> None:
    place = tmp_path / "files"
    place.mkdir(0o700)
    place.chmod(0o2700)
    storage = DiskStorage(place, group_readable=True)
    old = os.umask(0o077)
    try:
        storage.save("aa/bb/saved", ContentFile(b"x"))
        part = tmp_path / "part"
        part.write_bytes(b"x")
        storage.adopt(part, "aa/cc/adopted")
    finally:
        os.umask(old)
    modes = {path.name: path.stat().st_mode & 0o777 for path in place.rglob("*") if path.name != ".tmp"}
    assert modes == {"aa": 0o750, "bb": 0o750, "cc": 0o750, "saved": 0o640, "adopted": 0o640}
    assert all(path.stat().st_mode & 0o2000 for path in place.rglob("*") if path.is_dir())


@pytest.mark.parametrize("name", BAD_NAMES)
def test_djangos_own_calls_do_not_leave_the_location_either(tmp_path: Path, name: str) -> None:
    storage = DiskStorage(tmp_path / "files")
    part = tmp_path / "part"
    part.write_bytes(b"x")
    for attempt in (
        lambda: storage.save(name, ContentFile(b"x")),
        lambda: storage.open(name),
        lambda: storage.adopt(part, name),
        lambda: storage.exists(name),
    ):
        with pytest.raises(SuspiciousFileOperation):
            attempt()
    assert part.exists()


@given(name=st.text(alphabet="./\\a\0~-\n", max_size=12))
def test_a_name_that_is_taken_stays_inside_whatever_it_is_made_of(name: str) -> None:
    if disk.is_inside(name):
        assert Path("/files", name).is_relative_to("/files")
        assert ".." not in Path(name).parts
        assert str(Path(name)) == name


def test_a_stored_file_cannot_be_written_in_place(tmp_path: Path) -> None:
    storage = DiskStorage(tmp_path / "files")
    storage.save("aa/file", ContentFile(b"old"))
    for mode in ("wb", "ab", "r+b", "xb"):
        with pytest.raises(ValueError, match="reading only"):
            storage.open("aa/file", mode)


def test_what_is_being_written_is_not_listed(tmp_path: Path) -> None:
    storage = DiskStorage(tmp_path / "files")
    storage.save("aa/file", ContentFile(b"x"))
    assert storage.listdir("") == (["aa"], [])
    assert storage.listdir("aa") == ([], ["file"])


def test_a_process_killed_between_write_and_rename_leaves_nothing_visible(tmp_path: Path) -> None:
    place = tmp_path / "files"
    program = f"""
import os, pathlib, signal
from django.core.files.base import ContentFile
from localshop.storage.disk import DiskStorage
pathlib.Path.replace = lambda *a: os.kill(os.getpid(), signal.SIGKILL)
DiskStorage({str(place)!r}).save("aa/file", ContentFile(b"x" * 100_000))
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False)
    assert ended.returncode == -9
    assert [path.stat().st_size for path in (place / ".tmp").iterdir()] == [100_000], "it was written"
    assert everything_below(place) == set()
    assert not DiskStorage(place).exists("aa/file")


def test_a_source_that_breaks_off_leaves_nothing_at_all(tmp_path: Path) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 100_000:
                raise ConnectionError
            return super().read(size)

    place = tmp_path / "files"
    with pytest.raises(ConnectionError):
        DiskStorage(place).save("aa/file", File(Breaking(b"x" * 300_000)))
    assert everything_below(place) == set()
    assert list((place / ".tmp").iterdir()) == []


def test_a_part_from_another_file_system_is_copied_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.name == "elsewhere.part":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return really(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    part = tmp_path / "elsewhere.part"
    part.write_bytes(b"x" * 3_000_000)
    storage = DiskStorage(tmp_path / "files")
    assert storage.adopt(part, "aa/file") == "aa/file"
    assert storage.size("aa/file") == 3_000_000
    assert not part.exists()
    assert list((tmp_path / "files" / ".tmp").iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte, really full when it is full."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("make", [on_disk, on_djangos_disk])
def test_a_full_disk_is_told_as_such_and_leaves_no_half_file(
    make: Callable[[Path], Storage], small_disk: Path, tmp_path: Path
) -> None:
    store = Store(make(small_disk), scratch=tmp_path / "parts")
    part, sha256 = arrive(store, os.urandom(3_000_000))
    with pytest.raises(errors.StorageFull, match="No space left on device"):
        store.commit(part, sha256=sha256)
    assert everything_below(small_disk) == set()
    assert store.size(store.name_for(sha256)) is None
    assert part.stat().st_size == 3_000_000
    part, sha256 = arrive(store, b"small enough")
    assert store.size(store.commit(part, sha256=sha256)) == 12


def test_unless_told_otherwise_files_and_parts_are_in_the_home() -> None:
    home = config.current().home
    store = opening.open_store()
    part, sha256 = arrive(store, b"bytes")
    assert part.parent == home / "files" / ".tmp"
    name = store.commit(part, sha256=sha256)
    assert (home / "files" / name).read_bytes() == b"bytes"
    store.delete(name)
