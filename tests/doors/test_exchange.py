"""What goes over the wire is one right answer for each request, whatever the application sends."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from localshop.cli.connection import Connection

BIG = b"0123456789abcdef" * 500_000


async def application(scope, receive, send):  # noqa: C901
    """Answers as the path says."""

    async def start(status, *headers):
        await send({"type": "http.response.start", "status": status, "headers": [*headers]})

    async def body(data, *, more=False):
        await send({"type": "http.response.body", "body": data, "more_body": more})

    match scope["path"]:
        case "/unchanged":
            await start(304, (b"etag", b'"x"'))
            await body(b"")
        case "/closing":
            await start(200, (b"content-length", b"3"), (b"connection", b"close"))
            await body(b"bye")
        case "/endless":
            await start(200)
            await body(b"one,", more=True)
            await body(b"two")
        case "/big":
            await start(200, (b"content-length", b"%d" % len(BIG)))
            await body(memoryview(BIG)[:5_000_000], more=True)
            await body(memoryview(BIG)[5_000_000:])
        case "/big-at-once":
            await start(200, (b"content-length", b"%d" % len(BIG)))
            await body(BIG)
        case "/echo":
            data = (await receive())["body"]
            await start(200, (b"content-length", b"%d" % len(data)))
            await body(data)
        case "/injection":
            await start(200, (b"content-length", b"0"), (b"location", b"/\r\nset-cookie: a=b"))
            await body(b"")
        case "/failing":
            await start(200, (b"content-length", b"3"))
            raise LookupError("nobody knows")
        case "/short":
            await start(200, (b"content-length", b"9"))
            await body(b"short")
        case path:
            await start(200, (b"content-length", b"%d" % len(path)), (b"etag", b'"x"'))
            await body(path.encode())


@pytest.fixture
async def talk():
    """Send this over one connection; what comes back until it is closed, or nothing comes any more."""
    config = uvicorn.Config(application, http=Connection, ws="none", log_config=None)
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"today")]
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(config, state, {}), "127.0.0.1", 0
    )

    async def talk(*requests):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write("".join(requests).encode())
        # Asked last of all, so that every answer is there when the connection ends.
        writer.write(b"GET /last HTTP/1.1\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.removesuffix(_answer(b"/last", "connection: close", etag=True))

    async with server:
        yield talk


def get(path, *, method="GET", version="1.1", extra=""):
    return f"{method} {path} HTTP/{version}\r\nHost: here\r\n{extra}\r\n"


def _answer(body, *headers, length=None, etag=False):
    lines = ["HTTP/1.1 200 OK", "date: today", f"content-length: {len(body) if length is None else length}"]
    lines += ['etag: "x"'] if etag else []
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


async def test_requests_that_are_sent_ahead_are_answered_in_order(talk):
    expected = b"".join(_answer(path, etag=True) for path in (b"/one", b"/two", b"/three"))
    assert await talk(get("/one"), get("/two"), get("/three")) == expected


async def test_head_has_the_headers_and_no_body(talk):
    assert await talk(get("/page", method="HEAD")) == _answer(b"", length=5, etag=True)


async def test_not_modified_has_no_body_and_no_length(talk):
    assert await talk(get("/unchanged")) == b'HTTP/1.1 304 Not Modified\r\ndate: today\r\netag: "x"\r\n\r\n'


async def test_a_client_that_wants_it_closed_is_told_so_and_gets_nothing_more(talk):
    expected = _answer(b"/page", "connection: close", etag=True)
    assert await talk(get("/page", version="1.0"), get("/never")) == expected
    assert await talk(get("/page", extra="Connection: close\r\n"), get("/never")) == expected


async def test_an_answer_that_closes_ends_the_connection(talk):
    assert await talk(get("/closing"), get("/never")) == _answer(b"bye", "connection: close")


async def test_a_body_of_unknown_length_comes_in_chunks(talk):
    answer = await talk(get("/endless"), get("/next"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body == b"4\r\none,\r\n3\r\ntwo\r\n0\r\n\r\n" + _answer(b"/next", etag=True)


@pytest.mark.parametrize("path", ["/big", "/big-at-once"])
async def test_a_big_body_comes_whole(talk, path):
    assert await talk(get(path), get("/next")) == _answer(BIG) + _answer(b"/next", etag=True)


async def test_who_waits_to_be_told_to_go_on_is_told(talk):
    asked = get("/echo", method="POST", extra="Expect: 100-continue\r\nContent-Length: 4\r\n") + "body"
    assert await talk(asked) == b"HTTP/1.1 100 Continue\r\n\r\n" + _answer(b"body")


@pytest.mark.parametrize("path", ["/injection", "/failing"])
async def test_what_cannot_be_sent_becomes_an_error_that_gives_nothing_away(talk, path):
    answer = await talk(get(path))
    assert b"cookie" not in answer
    assert b"nobody" not in answer
    assert answer == b"" or answer.startswith(b"HTTP/1.1 500 ")


async def test_a_body_that_is_shorter_than_was_said_ends_the_connection(talk):
    answer = await talk(get("/short"), get("/never"))
    assert answer == _answer(b"short", length=9)
