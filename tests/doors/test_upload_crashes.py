"""Uploads that end badly: processes killed, disks full, databases locked, files larger than memory.

Whoever was told 200 finds his file, byte for byte; of whatever else was sent there is nothing.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import itertools
import json
import os
import random
import signal
import subprocess
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from databases import sqlite_only
from distributions import wheel
from servers import serve, until
from upload_form import form, upload_of

JSON = "application/vnd.pypi.simple.v1+json"
UPLOADS = 120
KILLS = 10
LARGE = 300 << 20
"""Bytes of a file that no process can have held in memory unnoticed."""
GROWTH = 60
"""MB by which a process may grow meanwhile."""


class Shop:
    """A home that is served, and a machine that may upload to it."""

    def __init__(self, localshop, running):
        self.localshop, self.running = localshop, running
        made = localshop("credential", "create", "--upload")
        pair = base64.b64encode(f"{made['access_key']}:{made['secret_key']}".encode()).decode()
        self.authorization = {"Authorization": f"Basic {pair}"}

    def ask(self, method, path, headers=None, body=None):
        """(status, body, headers), or None when the connection was cut: then nothing was promised."""
        connection = http.client.HTTPConnection("127.0.0.1", self.running.port, timeout=60)
        try:
            connection.request(method, path, body, {**self.authorization, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def upload(self, distribution):
        headers, body = upload_of(distribution)
        return self.ask("POST", "/repo/default/", headers, body)

    def page(self, name):
        """The files of a project: name to URL."""
        status, body, _ = self.ask("GET", f"/repo/default/{name}/", {"Accept": JSON})
        assert status in {200, 404}, body
        return {each["filename"]: each["url"] for each in json.loads(body)["files"]} if status == 200 else {}

    def is_there(self, distribution):
        """Whether a file is on its page; all of it is there then, and nothing of it otherwise."""
        path = f"/repo/default/{distribution.path}"
        shown = self.page(distribution.normalised).get(distribution.filename)
        assert shown in {path, None}
        wanted = {path: distribution.body, f"{path}.metadata": distribution.metadata}
        for url, content in wanted.items():
            status, body, _ = self.ask("GET", url)
            assert (status, body) == (200, content) if shown else status == 404, (url, status)
        return bool(shown)

    def parts(self):
        return [*(self.localshop.home / "files" / ".tmp").glob("upload-*.part")]


@pytest.fixture
def shop(localshop, upstream):
    with serve(localshop, LOCALSHOP_UPSTREAM_URL=upstream.url) as running:
        yield Shop(localshop, running)
        running.stop()


def test_whoever_is_killed_what_was_acknowledged_is_there_and_nothing_half(shop):
    """Power, memory and people end processes in the middle of a release."""
    chosen = random.Random(20261121)
    sizes = [chosen.choice([0, 20_000, 300_000, 3_000_000]) for _ in range(UPLOADS)]
    sent = [wheel(f"demo-{number % 20}", f"{number}.0", size=size) for number, size in enumerate(sizes)]
    numbers = itertools.count()
    answered = {}
    over = threading.Event()

    def client():
        while (number := next(numbers)) < len(sent):
            answered[number] = shop.upload(sent[number])
            # The kills are to find uploads from the first to the last.
            over.wait(0.05)

    clients = [threading.Thread(target=client) for _ in range(5)]
    for thread in clients:
        thread.start()
    for _ in range(KILLS):
        time.sleep(chosen.uniform(0.05, 0.3))
        with suppress(ProcessLookupError, IndexError):
            os.kill(chosen.choice(shop.running.web_processes()), signal.SIGKILL)
    over.set()
    for thread in clients:
        thread.join()
    until(lambda: len(shop.running.web_processes()) == 2)

    acknowledged = {number for number, answer in answered.items() if answer and answer[0] == 200}
    assert {answer[0] for answer in answered.values() if answer} == {200}
    there = {number for number, one in enumerate(sent) if shop.is_there(one)}
    assert there >= acknowledged
    until(lambda: not shop.parts())
    for number in {*range(len(sent))} - acknowledged:
        assert shop.upload(sent[number])[0] == 200
        assert shop.is_there(sent[number])


def test_an_upload_that_goes_on_is_not_taken_for_a_leftover(shop):
    """Whoever starts cleans up, but not what another process is in the middle of."""
    mine = wheel("demo", "1.0", size=1_000_000)
    headers, body = upload_of(mine)
    with closing(http.client.HTTPConnection("127.0.0.1", shop.running.port, timeout=60)) as connection:
        connection.putrequest("POST", "/repo/default/")
        for name, value in {**headers, **shop.authorization}.items():
            connection.putheader(name, value)
        connection.endheaders(body[:500_000])
        [part] = until(shop.parts)
        [writer] = [pid for pid in shop.running.web_processes() if part in open_files(pid)]
        [other] = {*shop.running.web_processes()} - {writer}
        os.kill(other, signal.SIGKILL)
        [new] = until(lambda: {*both(shop.running)} - {writer, other})
        # It has looked for leftovers when it counts with the others.
        until(lambda: [*(shop.localshop.home / "metrics").glob(f"{new}-*")])
        connection.send(body[500_000:])
        assert connection.getresponse().status == 200
    assert shop.is_there(mine)


def open_files(pid):
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(fd.readlink())
    return found


@contextmanager
def small_disk(place, size):
    """A file system of so many kB at this directory; gives a function that changes its size."""
    place.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k,mode=700", "tmpfs", str(place)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield lambda size: subprocess.run(
            ["mount", "-o", f"remount,size={size}k", str(place)], check=True, capture_output=True
        )
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_is_told_and_everything_else_goes_on(localshop, upstream):
    """507 with the reason; nothing half is there; and once there is room it works, with no restart."""
    small, large = wheel("demo", "1.0"), wheel("demo", "2.0", size=6_000_000)
    localshop.good("init")
    with (
        small_disk(localshop.home / "files", 4096) as resize,
        serve(localshop, LOCALSHOP_UPSTREAM_URL=upstream.url) as running,
    ):
        shop = Shop(localshop, running)
        assert shop.upload(small)[0] == 200
        status, body, headers = shop.upload(large)
        assert (status, headers["X-Localshop-Refusal"]) == (507, "disk-full")
        assert b"No space left on device" in body
        assert shop.parts() == []

        rivals = [wheel(f"rival-{number}", "1.0", size=900_000) for number in range(8)]
        with ThreadPoolExecutor(len(rivals)) as threads:
            statuses = [answer[0] for answer in threads.map(shop.upload, rivals)]
        assert {*statuses} == {200, 507}
        assert [shop.is_there(one) for one in rivals] == [status == 200 for status in statuses]
        assert shop.is_there(small)
        assert not shop.is_there(large)
        assert shop.parts() == []

        resize(40_000)
        for one in (large, *rivals):
            assert shop.upload(one)[0] == 200
            assert shop.is_there(one)
        running.stop()


@sqlite_only("another machine keeps what is written down")
def test_a_full_disk_below_the_database_is_told_too(localshop, upstream, tmp_path):
    """The bytes have a place, but nothing can be written down: nothing is promised, and reads go on."""
    with small_disk(localshop.home, 20_000):
        localshop.good("init")
        elsewhere = tmp_path / "files"
        elsewhere.mkdir()
        (localshop.home / "files").symlink_to(elsewhere)
        with serve(localshop, "--no-jobs", LOCALSHOP_UPSTREAM_URL=upstream.url) as running:
            shop = Shop(localshop, running)
            sent = [wheel("demo", f"{number}.0", size=1000) for number in range(16)]
            assert shop.upload(sent[0])[0] == 200
            filler = localshop.home / "filler"
            with suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            answers = [shop.upload(one) for one in sent[1:]]
            refused = [answer for answer in answers if answer[0] != 200]
            assert {(status, headers["X-Localshop-Refusal"]) for status, _, headers in refused} == {
                (507, "disk-full")
            }
            for one, answer in zip(sent[1:], answers, strict=True):
                assert shop.is_there(one) == (answer[0] == 200)
            assert shop.is_there(sent[0])
            filler.unlink()
            for one in sent:
                assert shop.upload(one)[0] == 200
                assert shop.is_there(one)
            running.stop()


def test_an_upload_waits_for_somebody_who_has_the_database(shop):
    """A backup or a curious person may hold it for seconds: uploads wait, and reads go on."""
    first, second = wheel("demo", "1.0"), wheel("demo", "2.0")
    shop.upload(first)
    # Made now, as to put a new page on the shelf is a write, too.
    assert shop.is_there(first)
    with ThreadPoolExecutor(1) as threads, shop.localshop.database.held() as let_go:
        waiting = threads.submit(shop.upload, second)
        until(lambda: [*(shop.localshop.home / "files").rglob(second.sha256)])
        for _ in range(10):
            assert shop.is_there(first)
            time.sleep(0.1)
        assert not waiting.done()
        let_go()
        assert waiting.result()[0] == 200
    assert shop.is_there(second)


@contextmanager
def large_wheel(place, size):
    """A wheel on disk with one member of so many bytes, and its METADATA."""
    info = "large-1.0.dist-info"
    block = bytes(1 << 20)
    digest = hashlib.sha256()
    path = place / "large-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open(zipfile.ZipInfo("large/data.bin"), "w", force_zip64=True) as member:
            for _ in range(size >> 20):
                member.write(block)
                digest.update(block)
        hashed = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
        metadata = "Metadata-Version: 2.1\nName: large\nVersion: 1.0\n"
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        rest = "".join(f"{info}/{name},,\n" for name in ("METADATA", "WHEEL", "RECORD"))
        archive.writestr(f"{info}/RECORD", f"large/data.bin,sha256={hashed},{size >> 20 << 20}\n{rest}")
    try:
        yield path
    finally:
        path.unlink()


def most_memory(pid):
    """MB that a process has had in memory at the most."""
    [line] = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")
    ]
    return int(line.split()[1]) / 1024


def test_a_file_larger_than_memory_is_taken_in_with_little_of_it(shop, tmp_path):
    """Wheels of machine learning have gigabytes, and ten of them may come at once."""
    shop.upload(wheel("demo", "1.0", size=1_000_000))
    before = {pid: most_memory(pid) for pid in until(lambda: both(shop.running))}
    with large_wheel(tmp_path, LARGE) as path:
        fields = [(":action", "file_upload"), ("name", "large"), ("version", "1.0")]
        headers, empty = form([*fields, ("filetype", "bdist_wheel")], filename=path.name, content=b"")
        # The file goes where the content of the empty form would be.
        end = empty.index(b"application/octet-stream\r\n\r\n") + len(b"application/octet-stream\r\n\r\n")
        headers["Content-Length"] = str(len(empty) + path.stat().st_size)

        def pieces():
            yield empty[:end]
            with path.open("rb") as file:
                yield from iter(lambda: file.read(1 << 20), b"")
            yield empty[end:]

        answer = shop.ask("POST", "/repo/default/", headers, pieces())
        assert answer[0] == 200, answer
        assert set(shop.page("large")) == {path.name}
    grown = {pid: most_memory(pid) - memory for pid, memory in before.items()}
    assert max(grown.values()) < GROWTH


def both(running):
    found = running.web_processes()
    return found if len(found) == 2 else []
