"""Parts of files that the kernel sends past the event loop: in their place, and with an end."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from pathlib import Path

import pytest
import uvicorn
from uvicorn.server import ServerState

from fake_upstream import CERTIFICATE
from localshop.cli.connection import Connection, Limits

SIZE = 20_000_000
PART = 3_000_000
PATIENCE = 30
DATA = os.urandom(1000) * (SIZE // 1000)


class HastyConnection(Connection):
    limits = Limits(unread_seconds=1)


class Application:
    """Sends a file in parts, or the path of the request."""

    def __init__(self, file):
        self._file = file
        self.failures = []

    async def __call__(self, scope, receive, send):
        assert "http.response.zerocopysend" in scope["extensions"]
        try:
            await (self._send_file(send) if scope["path"] == "/file" else self._say(send, scope["path"]))
        except Exception as error:
            self.failures.append(error)
            raise

    async def _send_file(self, send):
        await self._start(send, SIZE)
        for start in range(0, SIZE, PART):
            part = {"file": self._file, "offset": start, "count": min(PART, SIZE - start)}
            await send({"type": "http.response.zerocopysend", **part, "more_body": start + PART < SIZE})

    async def _say(self, send, text):
        await self._start(send, len(text))
        await send({"type": "http.response.body", "body": text.encode()})

    async def _start(self, send, length):
        headers = [(b"content-length", b"%d" % length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def application(path):
    with path.open("rb") as file:
        yield Application(file)


@pytest.fixture
async def state():
    return ServerState()


@pytest.fixture
async def address(application, state):
    config = uvicorn.Config(application, http=HastyConnection, ws="none", log_config=None)
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: HastyConnection(config, state, {}), "127.0.0.1", 0
    )
    async with server:
        yield server.sockets[0].getsockname()


async def connect(address):
    """A client that takes little in that it was not asked to."""
    client = socket.socket()
    client.setblocking(False)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
    await asyncio.get_running_loop().sock_connect(client, address)
    return await asyncio.open_connection(sock=client, limit=10_000)


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode()


async def answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return await reader.readexactly(length)


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def waits_for_room(state):
    return any(connection.flow.write_paused for connection in state.connections)


def sockets():
    """How many descriptors of sockets this process has."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found += str(descriptor.readlink()).startswith("socket:")
        except FileNotFoundError:
            continue
    return found


async def test_a_file_comes_whole_and_in_its_turn(address):
    """Also when answers before it are still on their way, and others are asked for already."""
    reader, writer = await connect(address)
    writer.write(get("/first") + get("/file") + get("/between") + get("/file") + get("/last"))
    async with asyncio.timeout(PATIENCE):
        answers = [await answer(reader) for _ in range(5)]
    assert answers == [b"/first", DATA, b"/between", DATA, b"/last"]
    writer.close()


async def test_where_the_server_speaks_tls_nothing_is_offered_to_go_past_it():
    """What the kernel sends is not encrypted: anybody would see the file, and the client get nonsense."""
    offered = []

    async def application(scope, receive, send):
        offered.append(scope.get("extensions"))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(application, http=Connection, ws="none", log_config=None)
    config.load()
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=CERTIFICATE)
    ours.load_cert_chain(CERTIFICATE)
    theirs.check_hostname = False
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(config, ServerState(), {}), "127.0.0.1", 0, ssl=ours
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), ssl=theirs)
        writer.write(get("/"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 204")
        writer.close()
    assert offered == [None]


async def test_who_reads_slowly_gets_all_of_it(address, state):
    reader, writer = await connect(address)
    writer.write(get("/file"))
    await until(lambda: waits_for_room(state))
    async with asyncio.timeout(PATIENCE):
        assert await answer(reader) == DATA
        writer.write(get("/next"))
        assert await answer(reader) == b"/next"
    writer.close()


@pytest.mark.parametrize("who", ["client", "server", "nobody"])
async def test_when_the_connection_ends_so_does_the_answer(address, state, application, who):
    """Nothing may wait for ever for room in a socket that nobody reads from, even if nobody ends it."""
    before = sockets()
    _, writer = await connect(address)
    writer.write(get("/file"))
    await until(lambda: waits_for_room(state))
    if who == "client":
        writer.transport.abort()
    elif who == "server":
        (connection,) = state.connections
        connection.transport.abort()
    await until(lambda: not state.tasks and not state.connections)
    writer.close()
    await until(lambda: sockets() == before)
    assert application.failures == []


async def test_a_file_that_was_cut_ends_the_connection(address, state, application, path):
    os.truncate(path, SIZE - 5)
    reader, writer = await connect(address)
    writer.write(get("/file") + get("/never"))
    async with asyncio.timeout(PATIENCE):
        await reader.readuntil(b"\r\n\r\n")
        pieces = []
        while piece := await reader.read(1 << 20):
            pieces.append(piece)
    assert b"".join(pieces) == DATA[:-5]
    assert [type(failure) for failure in application.failures] == [EOFError]
    writer.close()
