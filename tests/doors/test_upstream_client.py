"""The HTTP client of upstreams, against a real server on loopback that misbehaves on demand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest

from distributions import wheel
from fake_upstream import CERTIFICATE, FakeUpstream, empty, shorter
from localshop import __version__
from localshop.errors import (
    UpstreamDenied,
    UpstreamGone,
    UpstreamNonsense,
    UpstreamRefused,
    UpstreamUnavailable,
)
from localshop.upstream import client as client_module
from localshop.upstream.breaker import FAILURES
from localshop.upstream.client import UpstreamClient
from localshop.upstream.http import connections
from localshop.upstream.source import Source

BIG = wheel("Demo", "1.0", requires_python=">=3.8", size=2_000_000)


@pytest.fixture
async def client():
    made = UpstreamClient()
    yield made
    await made.close()


@pytest.fixture
def source(upstream):
    return Source(id=1, url=upstream.url)


async def read(stream):
    return b"".join([piece async for piece in stream.chunks()])


# Pages.


async def test_a_page_is_fetched_once_and_tells_what_is_needed_to_ask_again(upstream, client, source):
    upstream.add(BIG)
    upstream.serial = 42
    answer = await client.page(source, "demo")
    assert answer.state == "found"
    assert json.loads(answer.body)["files"][0]["filename"] == BIG.filename
    assert answer.content_type == "application/vnd.pypi.simple.v1+json"
    assert answer.url == f"{upstream.url}demo/"
    assert answer.serial == 42
    again = await client.page(source, "demo", etag=answer.etag)
    assert (again.state, again.body, again.etag, again.serial) == ("unchanged", b"", answer.etag, 42)
    assert upstream.count() == 2


async def test_an_upstream_learns_nothing_of_our_clients(upstream, client, source):
    """What is sent is a fixed set of fields, and the user agent is our own."""
    upstream.add(BIG)
    await client.page(source, "demo")
    sent = upstream.seen()[0].headers
    assert set(sent) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
    assert sent["User-Agent"] == f"localshop/{__version__}"
    assert sent["Accept-Encoding"] == "gzip"
    assert sent["Accept"].startswith("application/vnd.pypi.simple.v1+json, ")


async def test_upload_times_come_from_upstreams_that_tell_them_only_to_pip(upstream, client, source):
    upstream.add(BIG)
    upstream.html_only, upstream.upload_times, upstream.etags = True, "pip", False
    answer = await client.page(source, "demo")
    assert answer.content_type == "text/html"
    assert b'data-upload-time="2024' in answer.body
    assert answer.etag == ""


@pytest.mark.parametrize("status", [404, 410])
async def test_a_project_that_is_not_there_is_absent(upstream, client, source, status):
    upstream.fault("*", status=status)
    assert (await client.page(source, "demo")).state == "absent"


async def test_a_304_that_nobody_asked_for_is_not_believed(upstream, client, source):
    upstream.fault("*", status=304)
    with pytest.raises(UpstreamNonsense):
        await client.page(source, "demo")
    assert (
        await client.page(source, "demo", last_modified="Fri, 20 Nov 2026 10:00:00 GMT")
    ).state == "unchanged"


async def test_failures_say_when_to_come_back(upstream, client, source):
    upstream.fault("*", status=503, retry_after="7")
    with pytest.raises(UpstreamUnavailable, match="answered 503") as caught:
        await client.page(source, "demo")
    assert caught.value.retry_after == 7


async def test_the_time_to_come_back_may_be_a_date(upstream, client, source):
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    upstream.fault("*", status=429, retry_after=date)
    with pytest.raises(UpstreamUnavailable) as caught:
        await client.page(source, "demo")
    assert 3000 < caught.value.retry_after <= 3600


async def test_a_time_to_come_back_is_one_of_the_upstreams_own_clock(upstream, client, source):
    """Ours may be wrong, and then we would come back at once, or much too late."""
    head = {"Date": "Thu, 01 Jan 1970 00:00:00 GMT", "Retry-After": "Thu, 01 Jan 1970 00:00:20 GMT"}
    upstream.fault("*", status=503, headers=head)
    with pytest.raises(UpstreamUnavailable) as caught:
        await client.page(source, "demo")
    assert caught.value.retry_after == 20


async def test_an_upstream_that_wants_to_be_left_alone_is(upstream, client, source):
    """Asking on would keep it down, and get us banned."""
    upstream.fault("*", status=429, retry_after="30")
    for _ in range(5):
        with pytest.raises(UpstreamUnavailable):
            await client.page(source, "demo")
    assert upstream.count() == 1


async def test_an_upstream_that_fails_again_and_again_rests_and_is_tried_again(upstream, client, source):
    """Two hundred builds must not each wait for a server that is down."""
    upstream.add(wheel("demo", "1.0"))
    upstream.fault("*", status=502)
    for _ in range(20):
        with pytest.raises(UpstreamUnavailable):
            await client.page(source, "demo")
    assert upstream.count() == FAILURES
    upstream.heal()
    async with asyncio.timeout(20):
        while True:
            try:
                assert (await client.page(source, "demo")).state == "found"
                break
            except UpstreamUnavailable:
                await asyncio.sleep(0.05)


async def test_one_that_answers_is_not_taken_for_one_that_is_down(upstream, client, source):
    """A page that we may not see says nothing of the others."""
    upstream.add(wheel("demo", "1.0"))
    upstream.fault("/simple/secret/", status=403)
    for _ in range(5):
        with pytest.raises(UpstreamDenied):
            await client.page(source, "secret")
    assert (await client.page(source, "demo")).state == "found"


@pytest.mark.parametrize("status", [204, 400, 401, 403, 418, 500, 502])
async def test_no_other_status_is_taken_for_a_page(upstream, client, source, status):
    upstream.fault("*", status=status)
    with pytest.raises((UpstreamUnavailable, UpstreamNonsense)):
        await client.page(source, "demo")


async def test_a_refused_connection_is_an_unavailable_upstream_and_it_recovers(upstream, client, source):
    upstream.add(BIG)
    await client.page(source, "demo")
    upstream.stop()
    with pytest.raises(UpstreamUnavailable, match="no connection"):
        await client.page(source, "demo")
    upstream.start()
    assert (await client.page(source, "demo")).state == "found"


async def test_an_unknown_host_is_unavailable(client, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UpstreamUnavailable, match="no connection: Name or service not known"):
        await client.page(Source(id=1, url="http://index.invalid/simple/"), "demo")
    with pytest.raises(UpstreamUnavailable, match="no connection: Name or service not known"):
        await client.small(Source(id=1, url="http://index.invalid/simple/"), "http://10.0.0.1/x", limit=10)


@pytest.mark.parametrize("fault", [{"hang": True}, {"drip": 40}])
async def test_a_page_that_does_not_end_in_time_is_given_up(upstream, client, source, monkeypatch, fault):
    monkeypatch.setattr(client_module, "_PAGE_SECONDS", 0.3)
    upstream.add(BIG)
    upstream.fault("*", **fault)
    with pytest.raises(UpstreamUnavailable, match="in time"):
        await client.page(source, "demo")


@pytest.mark.parametrize("compressed", [True, False])
async def test_half_a_page_is_not_a_page(upstream, client, source, compressed):
    upstream.add(BIG)
    upstream.gzip = compressed
    upstream.fault("*", cut=100)
    with pytest.raises(UpstreamUnavailable, match="broke off"):
        await client.page(source, "demo")


async def test_a_gzip_stream_that_ends_early_is_not_a_page(upstream, client, source):
    upstream.add(BIG)
    upstream.fault("*", bad_gzip=True)
    with pytest.raises(UpstreamNonsense, match="too early"):
        await client.page(source, "demo")


async def test_an_encoding_that_was_not_asked_for_is_not_guessed_at(upstream, client, source):
    upstream.add(BIG)
    upstream.fault("*", headers={"Content-Encoding": "br"})
    with pytest.raises(UpstreamNonsense, match="'br'"):
        await client.page(source, "demo")


async def test_an_empty_200_is_handed_on_for_the_reader_to_judge(upstream, client, source):
    upstream.add(BIG)
    upstream.fault("*", change=empty)
    answer = await client.page(source, "demo")
    assert (answer.state, answer.body) == ("found", b"")


async def test_a_page_is_limited_after_decompression(upstream, client, source, monkeypatch):
    monkeypatch.setattr(client_module, "PAGE_LIMIT", 1 << 20)
    upstream.add(BIG)
    upstream.fault("*", change=lambda body: bytes(2 << 20))
    for upstream.gzip in (True, False):
        with pytest.raises(UpstreamNonsense, match="larger than"):
            await client.page(source, "demo")


async def test_headers_are_limited(upstream, client, source):
    upstream.add(BIG)
    upstream.fault("*", headers={f"X-{index}": "x" * 4000 for index in range(20)})
    with pytest.raises(UpstreamNonsense, match="headers"):
        await client.page(source, "demo")
    upstream.heal()
    upstream.fault("*", headers={"X-Long": "x" * 10_000})
    with pytest.raises(UpstreamNonsense):
        await client.page(source, "demo")


async def test_what_is_not_http_is_nonsense(client):
    talks = []

    async def talk(reader, writer):
        talks.append(asyncio.current_task())
        await reader.read(100)
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(UpstreamNonsense, match="not HTTP"):
        await client.page(Source(id=1, url=f"http://127.0.0.1:{port}/simple/"), "demo")
    await client.close()
    # Those that it has opened beside have come as far as to the server by now.
    await asyncio.sleep(0.05)
    await asyncio.gather(*talks)
    server.close()
    await server.wait_closed()


async def test_cookies_are_not_kept(upstream, client, source):
    upstream.fault("*", headers={"Set-Cookie": "tracked=yes; Path=/"})
    await client.page(source, "demo")
    await client.page(source, "demo")
    assert "Cookie" not in upstream.seen()[-1].headers


# Redirects, credentials, and where we go at all.


async def test_a_redirect_is_followed_and_told(upstream, client, source):
    upstream.add(BIG)
    upstream.fault("/simple/old/", redirect="../demo/?x=1")
    answer = await client.page(source, "old")
    assert (answer.state, answer.url) == ("found", f"{upstream.url}demo/?x=1")


async def test_five_redirects_are_enough(upstream, client, source):
    upstream.add(BIG)
    upstream.fault("*", redirect="/simple/demo/", times=5)
    assert (await client.page(source, "demo")).state == "found"
    upstream.forget()
    upstream.fault("*", redirect="/simple/demo/")
    with pytest.raises(UpstreamNonsense, match="more than 5"):
        await client.page(source, "demo")
    assert upstream.count() == 6


async def test_a_redirect_to_nowhere_is_refused(upstream, client, source):
    for location in ("file:///etc/passwd", "http://[::1", ""):
        upstream.fault("*", status=302, headers={"Location": location})
        with pytest.raises(UpstreamRefused, match="redirects to"):
            await client.page(source, "demo")


async def test_credentials_go_to_their_origin_only(upstream, client):
    """Another port of the same host may be another service of somebody else."""
    upstream.add(BIG)
    upstream.auth = ("robot", "hush:ü")
    source = Source(id=1, url=upstream.url, username="robot", password="hush:ü")
    assert (await client.page(source, "demo")).state == "found"
    with FakeUpstream() as other:
        held = other.add(BIG)
        upstream.fault("/packages/*", redirect=other.file_url(held).replace("//", "//robot:hush@"))
        async with client.open(source, f"{upstream.base}/{BIG.path}") as stream:
            assert await read(stream) == BIG.body
        assert "Authorization" not in other.seen()[0].headers
    assert "Authorization" in upstream.seen("/packages/*")[0].headers
    assert "hush" not in repr(source)


async def test_wrong_credentials_are_a_failure_that_names_no_secret(upstream, client):
    upstream.auth = ("robot", "hush")
    source = Source(id=1, url=upstream.url, username="robot", password="guess")
    with pytest.raises(UpstreamUnavailable, match="answered 401") as caught:
        await client.small(source, f"http://u:guess@127.0.0.1:{upstream.port}/x?token=guess", limit=10)
    assert "guess" not in caught.value.sentence


async def test_a_page_cannot_send_us_to_another_address_of_this_machine(upstream, client, source):
    with FakeUpstream(host="127.0.0.2") as inner:
        upstream.fault("/simple/moved/", redirect=inner.url)
        targets = [
            inner.base,
            f"http://[::ffff:127.0.0.2]:{inner.port}",
            "http://169.254.169.254",
            "http://2130706433",
            "http://[::1]",
        ]
        for target in targets:
            with pytest.raises(UpstreamRefused):
                await client.small(source, f"{target}/latest/meta-data", limit=1000)
            with pytest.raises(UpstreamRefused):
                async with client.open(source, f"{target}/x.whl"):
                    pytest.fail("was connected to")
        with pytest.raises(UpstreamRefused, match=r"127\.0\.0\.2"):
            await client.page(source, "moved")
        assert inner.count() == 0


async def test_a_name_is_judged_by_the_address_it_leads_to(upstream, client):
    """The index is 127.0.0.2, so a name for 127.0.0.1 leads inside."""
    with FakeUpstream(host="127.0.0.2") as index, pytest.raises(UpstreamRefused, match="localhost"):
        await client.small(Source(id=1, url=index.url), f"http://localhost:{upstream.port}/x", limit=10)
    assert upstream.count() == 0


async def test_files_at_the_indexs_own_address_are_let_through(upstream, client):
    """Index and files often are two names, or two ports, of one inner machine."""
    held = upstream.add(BIG)
    source = Source(id=1, url=upstream.url.replace("127.0.0.1", "localhost"))
    assert (await client.small(source, upstream.file_url(held), limit=1 << 22)).body == BIG.body
    other = Source(id=2, url=upstream.url)
    url = f"http://localhost:{upstream.port}/{BIG.path}"
    assert (await client.small(other, url, limit=1 << 22)).body == BIG.body


async def test_a_listed_file_host_is_let_through(upstream, client):
    with FakeUpstream(host="127.0.0.2") as files:
        held = files.add(BIG)
        listed = Source(id=1, url=upstream.url, file_hosts=(f"127.0.0.2:{files.port}",))
        assert (await client.small(listed, files.file_url(held), limit=1 << 22)).body == BIG.body
        elsewhere = Source(id=1, url=upstream.url, file_hosts=(f"127.0.0.2:{files.port + 1}",))
        with pytest.raises(UpstreamRefused):
            await client.small(elsewhere, files.file_url(held), limit=1 << 22)


async def test_a_connection_that_one_source_may_use_is_not_lent_to_another(upstream, client):
    """The pool holds an open connection to localhost; a source without right to it must not get it."""
    upstream.add(BIG)
    allowed = Source(id=1, url=f"http://localhost:{upstream.port}/simple/")
    assert (await client.page(allowed, "demo")).state == "found"
    with pytest.raises(UpstreamRefused):
        await client.small(Source(id=2, url="http://127.0.0.2/simple/"), f"{allowed.url}demo/", limit=10**6)
    assert upstream.count() == 1


async def test_offline_asks_nobody(upstream, source):
    client = UpstreamClient(offline=True)
    with pytest.raises(UpstreamRefused, match="offline"):
        await client.page(source, "demo")
    with pytest.raises(UpstreamRefused):
        await client.small(source, f"{upstream.base}/x", limit=10)
    with pytest.raises(UpstreamRefused):
        async with client.open(source, f"{upstream.base}/x"):
            pytest.fail("was opened")
    await client.close()
    assert upstream.count() == 0


async def test_a_proxy_resolves_and_inner_names_are_not_asked_of_it(upstream):
    upstream.add(BIG)
    client = UpstreamClient(proxy=upstream.base.replace("//", "//user:secret@"))
    source = Source(id=1, url="http://index.example.org/simple/")
    assert (await client.page(source, "demo")).state == "found"
    assert upstream.seen()[0].headers["Host"] == "index.example.org"
    assert upstream.seen()[0].headers["Proxy-Authorization"].startswith("Basic ")
    for inner in ("http://localhost/x", "http://169.254.169.254/x", "http://router/x"):
        with pytest.raises(UpstreamRefused):
            await client.small(source, inner, limit=10)
    assert upstream.count() == 1
    upstream.stop()
    with pytest.raises(UpstreamUnavailable) as caught:
        await client.page(source, "demo")
    assert "secret" not in caught.value.sentence
    await client.close()


# TLS.


async def test_a_certificate_that_nobody_vouches_for_gets_nothing(client):
    with FakeUpstream(tls=True) as upstream:
        source = Source(id=1, url=upstream.url, username="robot", password="hush")
        with pytest.raises(UpstreamUnavailable, match="no safe connection"):
            await client.page(source, "demo")
        assert upstream.count() == 0


async def test_https_never_leads_to_http(upstream, client, monkeypatch):
    monkeypatch.setattr(connections, "trusted", lambda: ssl.create_default_context(cafile=CERTIFICATE))
    with FakeUpstream(tls=True) as safe:
        safe.add(BIG)
        source = Source(id=1, url=safe.url)
        assert (await client.page(source, "demo")).state == "found"
        safe.fault("*", redirect=upstream.url)
        with pytest.raises(UpstreamRefused, match="not https"):
            await client.page(source, "demo")
        with pytest.raises(UpstreamRefused, match="not https"):
            await client.small(source, f"{upstream.base}/{BIG.path}", limit=10)
        assert upstream.count() == 0


# Metadata and ranges.


async def test_metadata_comes_whole(upstream, client, source):
    held = upstream.add(BIG)
    answer = await client.small(source, f"{upstream.file_url(held)}.metadata", limit=1 << 20)
    assert (answer.status, answer.body, answer.total) == (200, BIG.metadata, len(BIG.metadata))
    assert upstream.seen()[0].headers["Accept-Encoding"] == "identity"
    held.metadata = "absent"
    assert (await client.small(source, f"{upstream.file_url(held)}.metadata", limit=1 << 20)).status == 404


async def test_a_range_is_half_open(upstream, client, source):
    url = upstream.file_url(upstream.add(BIG))
    size = len(BIG.body)
    answer = await client.small(source, url, limit=1 << 20, start=10, stop=20)
    assert (answer.status, answer.body, answer.total) == (206, BIG.body[10:20], size)
    answer = await client.small(source, url, limit=1 << 20, start=size - 5, stop=size + 100)
    assert answer.body == BIG.body[-5:]
    assert (await client.small(source, url, limit=1 << 20, start=size - 7)).body == BIG.body[-7:]
    with pytest.raises(UpstreamNonsense, match="416"):
        await client.small(source, url, limit=1 << 20, start=size)


async def test_an_upstream_without_ranges_gives_the_whole_if_it_is_small(upstream, client, source):
    url = upstream.file_url(upstream.add(BIG))
    upstream.ranges = False
    answer = await client.small(source, url, limit=1 << 22, start=10, stop=20)
    assert (answer.status, answer.body, answer.total) == (200, BIG.body, len(BIG.body))
    with pytest.raises(UpstreamNonsense, match="larger than"):
        await client.small(source, url, limit=1000, start=10, stop=20)


async def test_a_part_that_is_not_the_one_asked_for_is_not_believed(upstream, client, source):
    url = upstream.file_url(upstream.add(BIG))
    for content_range in ("bytes 11-20/100", "bytes 10-19", "nonsense"):
        upstream.fault("*", headers={"Content-Range": content_range})
        with pytest.raises(UpstreamNonsense, match="not asked for"):
            await client.small(source, url, limit=1000, start=10, stop=20)
    upstream.heal()
    upstream.fault("*", change=shorter)
    with pytest.raises(UpstreamNonsense, match="10 bytes were asked for, 5 came"):
        await client.small(source, url, limit=1000, start=10, stop=20)
    upstream.fault("*", status=206)
    with pytest.raises(UpstreamNonsense, match="not asked for"):
        await client.small(source, url, limit=1000)


async def test_compressed_metadata_is_not_taken_for_metadata(upstream, client, source):
    held = upstream.add(BIG)
    upstream.fault("*", headers={"Content-Encoding": "gzip"})
    with pytest.raises(UpstreamNonsense, match="compressed"):
        await client.small(source, f"{upstream.file_url(held)}.metadata", limit=1 << 20)


# Connections.


async def opened(upstream, count):
    """Wait until there have been so many connections, and see that no more are made."""
    for _ in range(200):
        if upstream.opened >= count:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert upstream.opened == count


async def test_those_that_come_together_later_find_connections_open(upstream, client, source):
    """Else each wave of an installation waits for one more trip there and back, with TLS for more."""
    for number in range(5):
        upstream.add(wheel(f"demo-{number}", "1.0"))
    await client.page(source, "demo-0")
    await opened(upstream, 5)

    await asyncio.gather(*(client.page(source, f"demo-{number}") for number in range(5)))
    await opened(upstream, 5)


async def test_no_connections_are_opened_beside_that_of_a_file(upstream, client, source):
    """A job that brings one file home would leave four behind that nobody uses."""
    url = upstream.file_url(upstream.add(BIG))
    async with client.open(source, url) as stream:
        await read(stream)
    await opened(upstream, 1)


async def test_connections_that_are_being_opened_end_with_the_client(upstream, source):
    """They would keep a process from ending, or come to life in nobody's hands."""
    client = UpstreamClient()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await client.page(source, "demo")
    await client.close()
    assert len(asyncio.all_tasks()) == 1


# Files.


async def test_a_file_comes_in_pieces(upstream, client, source):
    url = upstream.file_url(upstream.add(BIG))
    async with client.open(source, url) as stream:
        assert (stream.status, stream.size, stream.start) == (200, len(BIG.body), 0)
        pieces = [piece async for piece in stream.chunks()]
    assert b"".join(pieces) == BIG.body
    assert max(map(len, pieces)) <= 1 << 20
    assert upstream.seen()[0].headers["Accept-Encoding"] == "identity"


async def test_a_download_is_resumed_where_it_stopped(upstream, client, source):
    url = upstream.file_url(upstream.add(BIG))
    async with client.open(source, url) as stream:
        etag = stream.etag
    async with client.open(source, url, start=1_000_000, if_range=etag) as stream:
        assert (stream.status, stream.size, stream.start) == (206, len(BIG.body), 1_000_000)
        assert await read(stream) == BIG.body[1_000_000:]


@pytest.mark.parametrize("why", ["no ranges", "another file"])
async def test_a_resumed_download_says_when_it_starts_anew(upstream, client, source, why):
    url = upstream.file_url(upstream.add(BIG))
    upstream.ranges = why != "no ranges"
    async with client.open(source, url, start=1000, if_range='"of another file"') as stream:
        assert (stream.status, stream.start, stream.size) == (200, 0, len(BIG.body))
        assert await read(stream) == BIG.body


async def test_a_file_that_breaks_off_is_not_taken_for_whole(upstream, client, source):
    url = upstream.file_url(upstream.add(BIG))
    upstream.fault("*", cut=1_500_000)
    async with client.open(source, url) as stream:
        with pytest.raises(UpstreamUnavailable, match="broke off"):
            await read(stream)
    upstream.fault("*", headers={"Content-Range": f"bytes 100-1999999/{len(BIG.body) + 1}"})
    async with client.open(source, url, start=100) as stream:
        with pytest.raises(UpstreamUnavailable, match="stopped at"):
            await read(stream)


async def test_a_file_that_stalls_is_given_up(upstream, client, source, monkeypatch):
    monkeypatch.setattr(client_module, "FILE", aiohttp.ClientTimeout(sock_read=0.2))
    url = upstream.file_url(upstream.add(BIG))
    upstream.fault("*", hang=True)
    with pytest.raises(UpstreamUnavailable, match="in time"):
        async with client.open(source, url):
            pytest.fail("was answered")


async def test_a_file_that_is_gone_is_told_from_one_that_fails(upstream, client, source):
    with pytest.raises(UpstreamGone, match="404"):
        async with client.open(source, f"{upstream.base}/packages/aa/bb/cc/x.whl"):
            pytest.fail("was there")
    upstream.fault("*", status=502)
    with pytest.raises(UpstreamUnavailable, match="502") as caught:
        async with client.open(source, f"{upstream.base}/packages/aa/bb/cc/x.whl"):
            pytest.fail("was there")
    assert not isinstance(caught.value, UpstreamGone)


async def test_the_callers_own_errors_are_not_blamed_on_the_upstream(upstream, client, source):
    url = upstream.file_url(upstream.add(BIG))
    with pytest.raises(OSError, match="disk is full"):
        async with client.open(source, url):
            raise OSError("disk is full")


async def test_a_file_left_half_read_does_not_harm_the_next_request(upstream, client, source):
    url = upstream.file_url(upstream.add(BIG))
    async with client.open(source, url) as stream:
        pieces = stream.chunks()
        assert await anext(pieces)
        await pieces.aclose()
    assert (await client.small(source, url, limit=100, start=0, stop=4)).body == b"PK\x03\x04"


async def test_many_files_at_once_come_whole(upstream, client, source):
    url = upstream.file_url(upstream.add(BIG))

    async def one():
        async with client.open(source, url) as stream:
            return await read(stream) == BIG.body

    assert all(await asyncio.gather(*(one() for _ in range(40))))


async def test_a_closed_client_can_be_used_again(upstream, client, source):
    upstream.add(BIG)
    await client.page(source, "demo")
    await client.close()
    assert (await client.page(source, "demo")).state == "found"
