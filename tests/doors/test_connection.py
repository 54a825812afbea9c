"""What a connection is allowed, on a real socket with small limits: who is cut, and who lives on."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from localshop.cli.connection import Connection, Limits
from localshop.cli.exchange import status_line
from localshop.index.answers import say

PATIENCE = 30
LIMITS = Limits(
    head_seconds=0.3,
    body_seconds=0.3,
    body_bytes=1000,
    unread_seconds=1,
    connections=5,
    last_seconds=0.3,
    look_every=0.05,
)
LONG = 3 * LIMITS.head_seconds
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class SmallConnection(Connection):
    limits = LIMITS


class Application:
    """Does what the path says; ``ended`` counts the requests that it is done with."""

    def __init__(self):
        self.ended = 0
        self.go_on = asyncio.Event()

    async def __call__(self, scope, receive, send):
        try:
            await getattr(self, scope["path"].strip("/") or "plain")(receive, send)
        finally:
            self.ended += 1

    async def plain(self, receive, send):
        await self._answer(send, b"plain")

    async def echo(self, receive, send):
        """The length of the body; nothing if it does not come to an end."""
        length = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            length += len(message["body"])
            if not message["more_body"]:
                return await self._answer(send, b"%d" % length)

    async def late_echo(self, receive, send):
        await asyncio.sleep(LONG)
        await self.echo(receive, send)

    async def hold(self, receive, send):
        await self.go_on.wait()
        await self._answer(send, b"held")

    async def large(self, receive, send):
        head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"50000000")]}
        await send(head)
        for number in range(50):
            body = {"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": number < 49}
            await send(body)

    async def refuse(self, receive, send):
        await say(send, 403, "no-right", "Nobody but “Ämma”\r\nX-Evil: 1", head=False)

    async def _answer(self, send, body):
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def application():
    return Application()


@pytest.fixture
async def state():
    return ServerState()


@pytest.fixture
async def address(application, state):
    config = uvicorn.Config(application, http=SmallConnection, ws="none", lifespan="off", log_config=None)
    config.load()
    loop = asyncio.get_running_loop()

    def connection():
        return SmallConnection(config, state, {}, loop)

    server = await loop.create_server(connection, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()
    server.close()
    for one in list(state.connections):
        one.transport.abort()
    application.go_on.set()
    await until(lambda: not state.connections and not state.tasks)


@pytest.fixture
def connect(address):
    """Open a connection; it is closed when its context ends."""

    @asynccontextmanager
    async def opened(*, buffer=None):
        client = socket.socket()
        client.setblocking(False)
        if buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        await asyncio.get_running_loop().sock_connect(client, address)
        # A reader of streams that takes next to nothing ahead.
        reader, writer = await asyncio.open_connection(sock=client, limit=1000)
        try:
            async with asyncio.timeout(PATIENCE):
                yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    return opened


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def answer(reader):
    """The status line, the headers in lower case, and the body."""
    line = await reader.readline()
    headers = {}
    while (header := await reader.readline()) not in {b"\r\n", b""}:
        name, _, value = header.decode().partition(":")
        headers[name] = value.strip()
    return line.decode("latin-1").rstrip(), headers, await reader.readexactly(int(headers["content-length"]))


async def to_the_end(reader):
    with suppress(ConnectionResetError):
        return await reader.read()
    return b""


@pytest.mark.parametrize("begin", [b"", b"G", GET[:-2]])
async def test_a_request_that_is_never_finished_is_cut(connect, state, begin):
    async with connect() as (reader, writer):
        writer.write(begin)
        assert await to_the_end(reader) == b""
    await until(lambda: not state.connections)


async def test_a_head_that_drips_is_cut_all_the_same(connect):
    """Each byte alone is in time, so what counts is when the head began."""
    async with connect() as (reader, writer):
        ended = asyncio.create_task(to_the_end(reader))
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        while not ended.done():
            with suppress(OSError):
                writer.write(b"x")
            await asyncio.sleep(0.05)
        assert ended.result() == b""


async def test_a_connection_that_is_idle_between_two_requests_lives_on(connect):
    async with connect() as (reader, writer):
        for _ in range(2):
            writer.write(GET)
            assert (await answer(reader))[2] == b"plain"
            await asyncio.sleep(LONG)


async def test_a_connection_that_stays_idle_is_closed_in_the_end(connect, state):
    async with connect() as (reader, writer):
        for one in state.connections:
            one.timeout_keep_alive = LIMITS.head_seconds
        writer.write(GET)
        await answer(reader)
        assert await to_the_end(reader) == b""
    await until(lambda: not state.connections)


async def test_a_later_request_that_is_never_finished_is_cut_too(connect):
    async with connect() as (reader, writer):
        writer.write(GET)
        await answer(reader)
        writer.write(b"GET /")
        assert await to_the_end(reader) == b""


async def test_a_body_that_comes_too_slowly_is_answered_with_408(connect, application):
    async with connect() as (reader, writer):
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nxx")
        line, headers, body = await answer(reader)
        assert line == "HTTP/1.1 408 The body of the request came too slowly."
        assert headers["x-localshop-refusal"] == "body-too-slow"
        assert headers["connection"] == "close"
        assert body.startswith(b"body-too-slow: ")
        assert await to_the_end(reader) == b""
    await until(lambda: application.ended == 1)


async def test_a_body_that_comes_at_a_steady_pace_is_taken(connect):
    """However long it takes in all."""
    async with connect() as (reader, writer):
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n")
        for _ in range(9):
            await asyncio.sleep(LIMITS.body_seconds / 3)
            writer.write(b"x" * 1000)
        assert (await answer(reader))[2] == b"9000"


async def test_nobody_is_cut_because_we_are_slow_to_read(connect):
    async with connect() as (reader, writer):
        writer.write(b"POST /late_echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
        writer.write(bytes(9_000_000))
        assert (await answer(reader))[2] == b"9000000"


async def test_nobody_is_cut_because_we_are_slow_to_ask_for_the_body(connect):
    async with connect() as (reader, writer):
        writer.write(b"POST /late_echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n")
        writer.write(b"Expect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await answer(reader))[2] == b"3"


async def test_after_an_early_answer_a_body_may_end_but_not_go_on_for_ever(connect):
    """Cut at once, the client would not get to read why."""
    async with connect() as (reader, writer):
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
            assert (await answer(reader))[2] == b"plain"
            writer.write(bytes(10))
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        assert (await answer(reader))[2] == b"plain"
        ended = asyncio.create_task(to_the_end(reader))
        while not ended.done():
            with suppress(OSError):
                writer.write(bytes(1000))
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("pieces", [1, 7, 100])
@pytest.mark.parametrize(
    ("size", "status"), [(60_000, 200), (LIMITS.head_bytes, 431), (200_000, 431), (2_000_000, 431)]
)
async def test_a_head_has_a_largest_size(connect, size, status, pieces):
    head = b"GET / HTTP/1.1\r\nX: " + b"x" * size + b"\r\n\r\n"
    step = -(-len(head) // pieces)
    async with connect() as (reader, writer):
        with suppress(ConnectionResetError):
            for start in range(0, len(head), step):
                writer.write(head[start : start + step])
                await writer.drain()
        if status == 200:
            assert (await answer(reader))[2] == b"plain"
        else:
            # What still comes when the connection is closed may take the answer away.
            got = await to_the_end(reader)
            assert not got or got.startswith(b"HTTP/1.1 431 ")


async def test_a_head_without_end_is_not_kept(connect):
    async with connect() as (reader, writer):
        with suppress(ConnectionResetError):
            writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * (LIMITS.head_bytes + 1))
            line, headers, _ = await answer(reader)
            assert line.startswith("HTTP/1.1 431 ")
            assert headers["x-localshop-refusal"] == "head-too-large"


@pytest.mark.parametrize(("count", "status"), [(100, "200"), (101, "431")])
async def test_a_head_has_a_largest_number_of_headers(connect, count, status):
    async with connect() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * count + b"\r\n")
        assert (await answer(reader))[0].startswith(f"HTTP/1.1 {status} ")


async def test_a_large_body_is_no_large_head(connect):
    async with connect() as (reader, writer):
        for _ in range(3):
            writer.write(
                b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000)
            )
            assert (await answer(reader))[2] == b"1000000"
            writer.write(GET[:10])
            await asyncio.sleep(0.02)
            writer.write(GET[10:])
            assert (await answer(reader))[2] == b"plain"


async def test_requests_that_come_all_at_once_are_answered_in_turn(connect):
    async with connect() as (reader, writer):
        writer.write(GET * 20)
        for _ in range(20):
            assert (await answer(reader))[2] == b"plain"


async def test_who_reads_nothing_is_dropped(connect, application, state):
    """Else he keeps a descriptor, a map of the file and a task for as long as he likes."""
    async with connect(buffer=10_000) as (_, writer):
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: application.ended == 1 and not state.connections and not state.tasks)


async def test_who_reads_slowly_lives_on(connect):
    async with connect(buffer=10_000) as (reader, writer):
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        length = 0
        for _ in range(12):
            await asyncio.sleep(LIMITS.unread_seconds / 4)
            length += len(await reader.read(20_000))
        assert length + len(await reader.read()) == 50_000_000


async def test_when_the_server_ends_who_does_not_is_cut(connect, state):
    """Else it would have to be killed, and what ends in good order with it."""
    async with connect() as (reader, writer), connect() as (idle, _):
        writer.write(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: len(state.tasks) == 1)
        for connection in list(state.connections):
            connection.shutdown()
        assert await to_the_end(idle) == b""
        assert await to_the_end(reader) == b""
        await until(lambda: not state.connections)


async def test_when_the_server_ends_an_answer_is_finished(connect, application, state):
    async with connect() as (reader, writer):
        writer.write(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: len(state.tasks) == 1)
        for connection in list(state.connections):
            connection.shutdown()
        application.go_on.set()
        _, headers, body = await answer(reader)
        assert (headers["connection"], body) == ("close", b"held")


async def test_a_newcomer_gets_the_place_of_one_who_asks_for_nothing(connect, state):
    """Turning newcomers away would let anybody keep everybody else out."""
    async with connect() as (busy, busy_writer), connect() as (first, first_writer):
        busy_writer.write(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: len(state.tasks) == 1)
        idle = [socket.create_connection(first_writer.get_extra_info("peername")) for _ in range(20)]
        async with connect() as (reader, writer):
            writer.write(GET)
            assert (await answer(reader))[2] == b"plain"
        assert len(state.connections) <= LIMITS.connections
        assert len(state.tasks) == 1
        for client in idle:
            client.close()
        assert await to_the_end(first) == b""
        del busy


async def test_when_all_are_served_a_newcomer_is_told_to_come_again(connect, application, state):
    clients = []
    async with connect() as (first, first_writer):
        for _ in range(LIMITS.connections - 1):
            client = socket.create_connection(first_writer.get_extra_info("peername"))
            client.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
            clients.append(client)
        first_writer.write(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: len(state.tasks) == LIMITS.connections)
        async with connect() as (reader, _):
            line, headers, _ = await answer(reader)
            assert line.startswith("HTTP/1.1 503 ")
            assert headers["retry-after"] == "2"
        application.go_on.set()
        assert (await answer(first))[2] == b"held"
    for client in clients:
        client.close()


async def test_the_sentence_of_a_refusal_is_the_reason_phrase(connect):
    """twine shows nothing else; and nobody who is quoted in it can add a header."""
    async with connect() as (reader, writer):
        for _ in range(2):
            writer.write(b"GET /refuse HTTP/1.1\r\nHost: x\r\n\r\n")
            line, headers, body = await answer(reader)
            assert line == "HTTP/1.1 403 Nobody but ?Ämma?  X-Evil: 1"
            assert "x-evil" not in {name.lower() for name in headers}
            assert body.decode().startswith("no-right: ")


@given(st.binary(max_size=300))
def test_no_reason_ends_the_status_line(reason):
    line = status_line(404, reason)
    assert line.startswith(b"HTTP/1.1 404 ")
    assert line.endswith(b"\r\n")
    assert not {*line[:-2]} & {*range(9), *range(10, 32), 127}
