"""A stored file as a client gets it from a real server: whole, in parts, again, or cut off."""

from __future__ import annotations

import hashlib
import http.client
import mmap
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.core.files.storage import InMemoryStorage, Storage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localshop import errors
from localshop.cli.connection import Connection
from localshop.index import local as local_files
from localshop.index.artifact import Artifact
from localshop.index.send import send_file
from localshop.storage.disk import DiskStorage
from localshop.storage.stores import Store


class Server:
    """A uvicorn on loopback that sends the artifacts it is told of, and remembers what it did."""

    def __init__(self, http: Any) -> None:
        self.artifacts: dict[str, Artifact] = {}
        self.sent: dict[str, int] = {}
        self.failures: list[Exception] = []
        self.done = threading.Semaphore(0)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        options = uvicorn.Config(
            self.answer,
            interface="asgi3",
            http=http,
            loop="uvloop",
            ws="none",
            lifespan="off",
            proxy_headers=False,
            log_config=None,
        )
        self.server = uvicorn.Server(options)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]})
        self.thread.start()

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]

        async def counted(message: Any) -> None:
            self.sent[path] = self.sent.get(path, 0) + message.get("count", len(message.get("body", b"")))
            await send(message)

        try:
            private = scope["query_string"] == b"private"
            await send_file(scope, receive, counted, self.artifacts[path], private=private)
        except (FileNotFoundError, errors.StorageError) as failure:
            # Only a response that has not begun can still say this.
            self.failures.append(failure)
            await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self.done.release()

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=sent)
            response = connection.getresponse()
            return response, response.read()


@pytest.fixture(scope="module", params=["httptools", Connection], ids=["uvicorn", "ours"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """uvicorn as it is has only what it is given sent; ours has the kernel send parts of files."""
    server = Server(request.param)
    yield server
    server.stop()


def local(place: Path) -> Storage:
    return DiskStorage(place)


def remote(place: Path) -> Storage:
    return InMemoryStorage(location=place)


@pytest.fixture(scope="module", params=[local, remote])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    place = tmp_path_factory.mktemp("files")
    make: Callable[[Path], Storage] = request.param
    return Store(make(place), scratch=place / ".tmp")


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Store:
    place = tmp_path_factory.mktemp("disk")
    return Store(DiskStorage(place), scratch=place / ".tmp")


def offer(server: Server, store: Store, data: bytes) -> str:
    """Store ``data`` and have the server know it; give its path."""
    part = store.scratch / "arriving.part"
    part.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    name = store.commit(part, sha256=sha256)
    extra = ((b"x-extra", b"yes"),)
    server.artifacts[f"/{sha256}"] = Artifact(store, name, len(data), sha256, extra)
    return f"/{sha256}"


def offer_sparse(server: Server, store: Store, size: int) -> tuple[str, Path]:
    """Have the server know a file of many bytes that takes no room; give its path there and here."""
    part = store.scratch / "sparse.part"
    with part.open("wb") as file:
        file.truncate(size)
    sha256 = f"{size:064x}"
    name = store.commit(part, sha256=sha256)
    server.artifacts[f"/{sha256}"] = Artifact(store, name, size, sha256)
    path = store.local_path(name)
    assert path is not None
    return f"/{sha256}", path


SMALL = b"0123456789" * 10
BIG = os.urandom(5_000_001)

small_and_big = pytest.mark.parametrize("data", [SMALL, BIG], ids=["small", "big"])


@pytest.mark.parametrize("size", [0, 100, local_files.INLINE, local_files.INLINE + 1, 1 << 20, len(BIG)])
def test_a_file_arrives_byte_for_byte_with_its_exact_length(server: Server, store: Store, size: int) -> None:
    data = BIG[:size]
    path = offer(server, store, data)
    response, body = server.ask(path, Accept_Encoding="gzip, br, zstd")
    assert response.status == 200
    assert body == data
    assert response.headers["content-length"] == str(len(data))
    assert response.headers["transfer-encoding"] is None
    assert response.headers["content-encoding"] is None, "a client would unpack a .tar.gz and miss its hash"


def test_a_browser_neither_shows_nor_runs_what_somebody_uploaded(server: Server, store: Store) -> None:
    path = offer(server, store, b"<script>alert(document.cookie)</script>")
    for method in ("GET", "HEAD"):
        response, _ = server.ask(path, method)
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["content-disposition"] == "attachment"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"] == "sandbox; default-src 'none'"


def test_clients_may_keep_a_file_for_ever_and_shared_caches_only_an_open_one(
    server: Server, store: Store
) -> None:
    path = offer(server, store, SMALL)
    response, _ = server.ask(path)
    assert response.headers["cache-control"] == "public, max-age=365000000, immutable"
    assert response.headers["etag"] == f'"{path[1:]}"'
    assert response.headers["x-extra"] == "yes"
    assert response.headers["date"]
    response, _ = server.ask(f"{path}?private")
    assert response.headers["cache-control"] == "private, max-age=365000000, immutable"


@pytest.mark.parametrize("data", [b"", SMALL, BIG], ids=["empty", "small", "big"])
def test_head_says_what_get_would_say(server: Server, store: Store, data: bytes) -> None:
    path = offer(server, store, data)
    get, _ = server.ask(path)
    head, body = server.ask(path, "HEAD", Range="bytes=0-9")
    assert (head.status, body) == (200, b"")
    ignored = ("date",)
    assert [pair for pair in head.getheaders() if pair[0] not in ignored] == [
        pair for pair in get.getheaders() if pair[0] not in ignored
    ]
    assert head.headers["accept-ranges"] == "bytes"


@small_and_big
@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-19", slice(10, 20)),
        ("bytes=50-", slice(50, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=-10000000", slice(None)),
        ("bytes=90-10000000", slice(90, None)),
    ],
)
def test_a_download_is_resumed_and_a_wheel_is_read_from_its_end(
    server: Server, store: Store, data: bytes, wanted: str, part: slice
) -> None:
    path = offer(server, store, data)
    response, body = server.ask(path, Range=wanted)
    first, last, _ = part.indices(len(data))
    assert response.status == 206
    assert body == data[first:last]
    assert response.headers["content-range"] == f"bytes {first}-{last - 1}/{len(data)}"
    assert response.headers["content-length"] == str(last - first)
    assert response.headers["etag"] == f'"{path[1:]}"'


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=st.integers(0, len(BIG) - 1), other=st.integers(0, len(BIG) - 1))
def test_any_range_of_a_big_file_is_those_very_bytes(
    server: Server, store: Store, one: int, other: int
) -> None:
    first, last = sorted((one, other))
    path = f"/{hashlib.sha256(BIG).hexdigest()}"
    if server.artifacts.get(path) is None or server.artifacts[path].store is not store:
        offer(server, store, BIG)
    response, body = server.ask(path, Range=f"bytes={first}-{last}")
    assert response.status == 206
    assert body == BIG[first : last + 1]


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "lines=1-2", "bytes=9-1", "bytes=a-b", "bytes"])
def test_a_range_that_makes_no_sense_gives_the_whole_file(server: Server, store: Store, wanted: str) -> None:
    response, body = server.ask(offer(server, store, SMALL), Range=wanted)
    assert (response.status, body) == (200, SMALL)
    assert response.headers["content-range"] is None


@pytest.mark.parametrize(
    ("size", "wanted"), [(100, "bytes=100-"), (100, "bytes=-0"), (0, "bytes=0-"), (0, "bytes=-5")]
)
def test_a_range_behind_the_end_is_416_with_the_size(
    server: Server, store: Store, size: int, wanted: str
) -> None:
    response, body = server.ask(offer(server, store, SMALL[:size]), Range=wanted)
    assert (response.status, body) == (416, b"")
    assert response.headers["content-range"] == f"bytes */{size}"
    assert response.headers["content-length"] == "0"
    assert response.headers["cache-control"] == "no-store", "a cache would keep the refusal for ever"


def test_if_range_resumes_only_the_very_same_file(server: Server, store: Store) -> None:
    path = offer(server, store, SMALL)
    response, body = server.ask(path, Range="bytes=50-", If_Range=f'"{path[1:]}"')
    assert (response.status, body) == (206, SMALL[50:])
    for other in (f'W/"{path[1:]}"', '"another"', path[1:], "Sat, 21 Nov 2026 03:00:00 GMT", "*", ""):
        response, body = server.ask(path, Range="bytes=50-", If_Range=other)
        assert (response.status, body) == (200, SMALL)
        response, body = server.ask(path, Range="bytes=5000-", If_Range=other)
        assert (response.status, body) == (200, SMALL)


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_client_that_has_the_file_is_told_so(server: Server, store: Store, form: str, method: str) -> None:
    path = offer(server, store, SMALL)
    known = form.format(path[1:])
    response, body = server.ask(path, method, If_None_Match=known, Range="bytes=0-3")
    assert (response.status, body) == (304, b"")
    assert response.headers["etag"] == f'"{path[1:]}"'
    assert response.headers["cache-control"] == "public, max-age=365000000, immutable"
    assert response.headers["date"]
    response, body = server.ask(path, method, If_None_Match='"other"')
    assert response.status == 200


def test_many_requests_go_over_one_connection(server: Server, store: Store) -> None:
    path = offer(server, store, BIG)
    expected: list[tuple[str, dict[str, str], int, int]] = [
        ("GET", {}, 200, len(BIG)),
        ("HEAD", {}, 200, 0),
        ("GET", {"Range": "bytes=-3000000"}, 206, 3_000_000),
        ("GET", {"If-None-Match": "*"}, 304, 0),
        ("GET", {"Range": "bytes=9000000-"}, 416, 0),
        ("GET", {}, 200, len(BIG)),
    ]
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        for method, headers, status, size in expected:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            assert (response.status, len(response.read())) == (status, size)
            assert not response.will_close


# When it goes wrong.


def test_bytes_that_are_gone_are_told_before_anything_is_sent(server: Server, store: Store) -> None:
    path = offer(server, store, b"to be lost")
    artifact = server.artifacts[path]
    store.delete(artifact.name)
    for method in ("GET", "HEAD"):
        server.failures.clear()
        response, _ = server.ask(path, method)
        assert response.status == 503
        assert [type(failure) for failure in server.failures] == [FileNotFoundError]


@small_and_big
def test_a_file_that_was_cut_or_added_to_is_never_sent(server: Server, disk: Store, data: bytes) -> None:
    path = offer(server, disk, data)
    file = disk.local_path(server.artifacts[path].name)
    assert file is not None
    for wrong in (data[:-1], data + b"x", b""):
        file.write_bytes(wrong)
        for headers in ({}, {"Range": "bytes=0-9"}):
            server.failures.clear()
            response, body = server.ask(path, **headers)
            assert (response.status, body) == (503, b"")
            assert [type(failure) for failure in server.failures] == [errors.StorageDamaged]


def test_what_is_not_a_file_is_never_opened_as_one(server: Server, disk: Store) -> None:
    path = offer(server, disk, os.urandom(20))
    file = disk.local_path(server.artifacts[path].name)
    assert file is not None
    file.unlink()
    file.mkdir()
    server.failures.clear()
    response, _ = server.ask(path)
    assert response.status == 503
    assert [type(failure) for failure in server.failures] == [errors.StorageError]


def drain(server: Server) -> None:
    while server.done.acquire(blocking=False):
        pass


def begin(server: Server, path: str) -> socket.socket:
    """Ask for a file, and read a little of it."""
    drain(server)
    client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
    return client


def test_a_big_file_is_not_read_to_its_end_for_a_client_that_left(server: Server, disk: Store) -> None:
    size = 3_000_000_000
    path, _ = offer_sparse(server, disk, size)
    begin(server, path).close()
    assert server.done.acquire(timeout=60), "the response went on for nobody"
    assert server.sent[path] < size / 10
    assert server.ask(offer(server, disk, SMALL))[1] == SMALL


def test_a_file_cut_while_it_is_sent_ends_that_response_and_not_the_server(
    server: Server, disk: Store
) -> None:
    size = 300_000_000
    path, file = offer_sparse(server, disk, size)
    got = 0
    with begin(server, path) as client, suppress(ConnectionResetError):
        os.truncate(file, 0)
        while data := client.recv(1 << 20):
            got += len(data)
    assert got < size, "the client can tell by the length that it has not got all"
    assert server.done.acquire(timeout=60)
    assert server.ask(offer(server, disk, SMALL))[1] == SMALL


def test_files_and_maps_are_let_go(server: Server, disk: Store) -> None:
    path = offer(server, disk, BIG)
    name = server.artifacts[path].name
    for _ in range(20):
        assert len(server.ask(path)[1]) == len(BIG)
        server.ask(path, Range="bytes=0-5")
        server.ask(path, Range="bytes=9000000-")
    # A response further on the same loop turns the last of the files over.
    server.ask(offer(server, disk, SMALL))
    held = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            held.append(str(descriptor.readlink()))
    assert not [entry for entry in held if entry.endswith(name)]
    assert name not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("broken", ["mmap", "sendfile"])
def test_without_maps_or_splices_the_bytes_are_the_same(
    server: Server, disk: Store, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(mmap if broken == "mmap" else os, broken, refuse)
    assert server.ask(offer(server, disk, BIG))[1] == BIG
