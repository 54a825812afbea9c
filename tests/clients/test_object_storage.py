"""Real clients against a localshop whose files are in S3, streamed and by signed links."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from command_line import CommandLine
from distributions import sdist, wheel
from fake_upstream import FakeUpstream
from object_store import Bucket, ObjectStore
from publishers import Twine
from recorder import Recorder
from servers import Running, serve
from upload_form import upload_of

LARGE = 64_000_000
FLAT = 40_000_000
"""Bytes that a web process may grow by: some pieces of what passes through it, never the whole of it."""


@dataclass
class Shop:
    """A running localshop whose files are in ``bucket``."""

    delivery: str
    localshop: CommandLine
    running: Running
    recorder: Recorder
    upstream: FakeUpstream
    bucket: Bucket
    pair: tuple[str, str]

    @property
    def index(self):
        return f"{self.recorder.url}/repo/default/"


@pytest.fixture(scope="module", params=["stream", "redirect"])
def shop(request, tmp_path_factory):
    localshop = CommandLine(tmp_path_factory.mktemp("objects") / "home").with_tables()
    with ObjectStore() as objects, FakeUpstream() as upstream:
        bucket = objects.bucket()
        environ = {
            "LOCALSHOP_UPSTREAM_URL": upstream.url,
            "LOCALSHOP_DISTRIBUTION_STORAGE": "storages.backends.s3.S3Storage",
            "LOCALSHOP_STORAGE_OPTIONS": json.dumps(bucket.options),
            "LOCALSHOP_FILE_DELIVERY": request.param,
        }
        with serve(localshop, **environ) as running, Recorder(running.url) as recorder:
            localshop.good("repository", "edit", "default", "--miss", "stream")
            made = localshop("credential", "create", "--upload")
            pair = (made["access_key"], made["secret_key"])
            yield Shop(request.param, localshop, running, recorder, upstream, bucket, pair)
            running.stop()


@pytest.mark.parametrize("client", ["pip", "uv"], indirect=True)
def test_what_is_mirrored_and_what_is_uploaded_is_installed_from_the_bucket(shop, client, name, tmp_path):
    shop.upstream.add(wheel(f"{name}-lib", "1.0", size=3_000_000))
    own = [wheel(name, "1.0", requires=[f"{name}-lib"]), sdist(name, "1.0")]
    twine = Twine(tmp_path / "twine")
    twine.holds(*own)
    ended = twine.publish(shop.index, *shop.pair)
    assert ended.code == 0, ended

    assert client.install(shop.index, name).code == 0
    asked = shop.upstream.count("/packages/*.whl")
    client.forget()
    shop.recorder.forget()
    ended = client.install(shop.index, name)

    assert (ended.code, client.installed) == (0, {name: "1.0", f"{name}-lib": "1.0"}), ended
    assert shop.upstream.count("/packages/*.whl") == asked
    assert set(shop.recorder.statuses("*.whl")) == ({302} if shop.delivery == "redirect" else {200})
    stored = {hashlib.sha256(body).hexdigest() for body in shop.bucket.objects().values()}
    assert {one.sha256 for one in own} <= stored
    assert not list((shop.localshop.home / "parts").glob("*.part"))


def test_large_files_take_no_memory_on_their_way_in_and_out(shop, name):
    """Uploaded, mirrored, streamed: a node serves files that are larger than itself."""
    held = shop.upstream.add(wheel(f"{name}-held", "1.0", size=LARGE)).distribution
    own = wheel(name, "1.0", size=LARGE)
    for number in range(6):
        # Until every process has what it needs anyway.
        fetch(shop, shop.upstream.add(wheel(f"{name}-{number}", "1.0", size=2_000_000)).distribution)
        upload(shop, wheel(f"{name}-own-{number}", "1.0"))
    for pid in shop.running.web_processes():
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = peak(shop)

    upload(shop, own)
    for one in (held, held, own):
        assert fetch(shop, one) == one.sha256

    assert peak(shop) - before < FLAT


def upload(shop, distribution):
    headers, body = upload_of(distribution)
    token = base64.b64encode(":".join(shop.pair).encode()).decode()
    url = f"{shop.running.url}/repo/default/"
    opened(urllib.request.Request(url, body, {**headers, "Authorization": f"Basic {token}"})).close()


def fetch(shop, distribution):
    """The SHA-256 of what comes, wherever it comes from."""
    url = f"{shop.running.url}/repo/default/{distribution.path}"
    with closing(opened(url)) as answer:
        return hashlib.file_digest(answer, "sha256").hexdigest()


def opened(request):
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60)


def peak(shop):
    """The most that a web process has taken, in bytes."""
    status = [Path(f"/proc/{pid}/status").read_text() for pid in shop.running.web_processes()]
    return max(int(re.search(r"VmHWM:\s+(\d+) kB", one)[1]) * 1024 for one in status)
