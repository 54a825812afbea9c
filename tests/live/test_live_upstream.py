"""Against the real PyPI, or what stands in for it here: not in the default run (``-m live``)."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

import pytest
from distlib.index import DEFAULT_INDEX

from localshop.errors import UpstreamRefused
from localshop.protocol import readers
from localshop.upstream.client import UpstreamClient
from localshop.upstream.source import Source

pytestmark = pytest.mark.live
PARTS = urlsplit(DEFAULT_INDEX)
SOURCE = Source(id=1, url=f"{PARTS.scheme}://{PARTS.netloc}/simple/")


@pytest.fixture
async def client():
    made = UpstreamClient()
    yield made
    await made.close()


async def test_a_project_is_read_and_its_file_comes_home(client):
    """Also where index and files are two names of one address that is not public."""
    answer = await client.page(SOURCE, "iniconfig")
    page = readers.read(answer.body, content_type=answer.content_type, url=answer.url, project="iniconfig")
    entry = next(each for each in page.files if each.filename == "iniconfig-2.0.0-py3-none-any.whl")
    async with client.open(SOURCE, entry.url) as stream:
        body = b"".join([piece async for piece in stream.chunks()])
    assert hashlib.sha256(body).hexdigest() == entry.sha256
    part = await client.small(SOURCE, entry.url, limit=1000, start=100, stop=200)
    assert (part.status, part.body, part.total) == (206, body[100:200], len(body))
    metadata = await client.small(SOURCE, f"{entry.url}.metadata", limit=1 << 20)
    assert metadata.status == 404 or re.search(rb"^Name: iniconfig$", metadata.body, re.MULTILINE)


async def test_an_unknown_project_is_absent(client):
    assert (await client.page(SOURCE, "no-such-project-of-anybody-1")).state == "absent"


async def test_an_inner_address_is_not_asked_for_it(client):
    for url in ("https://127.0.0.1/x", "https://localhost/x", "https://169.254.169.254/x"):
        with pytest.raises(UpstreamRefused):
            await client.small(SOURCE, url, limit=100)
