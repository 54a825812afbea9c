"""Files in the store of a shop, mirrored and private, for tests of those who look after them."""

from __future__ import annotations

import hashlib
import os

from localshop.catalog.models import Blob, File, Project, Repository
from localshop.protocol.document import Entry, entry_to_json

OLD = 7200.0
"""Seconds: longer ago than anything that may still be on its way."""


def make_private(shop, distribution, *, slug="default"):
    """Have a private file of this distribution, as an upload would leave it; gives its row."""
    blob = put(shop, distribution.body)
    repository = Repository.objects.get(slug=slug)
    project, _ = Project.objects.get_or_create(
        repository=repository, name=distribution.normalised, defaults={"kind": Project.Kind.PRIVATE}
    )
    path = distribution.path.removeprefix("packages/").rpartition("/")[0]
    entry = Entry(
        filename=distribution.filename,
        url="",
        path=path,
        sha256=distribution.sha256,
        size=len(distribution.body),
    )
    return File.objects.create(
        repository=repository,
        project=project,
        filename=distribution.filename,
        path=path,
        sha256=distribution.sha256,
        size=len(distribution.body),
        entry=entry_to_json(entry),
        blob=blob,
    )


def put(shop, body, *, known=True):
    """Store some bytes that came long ago; with ``known`` they have a row, which is given."""
    sha256 = hashlib.sha256(body).hexdigest()
    part = shop.store.scratch / f"{sha256}.part"
    part.write_bytes(body)
    name = shop.store.commit(part, sha256=sha256)
    path = shop.store.local_path(name)
    long_ago = path.stat().st_mtime - OLD
    os.utime(path, (long_ago, long_ago))
    if not known:
        return name
    return Blob.objects.create(sha256=sha256, size=len(body), name=name)


def path_of(shop, distribution):
    return shop.store.local_path(shop.store.name_for(distribution.sha256))


def flip(path):
    """Rot: as long as before, with one wrong bit."""
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(bytes(body))


def cut(path):
    body = path.read_bytes()
    path.write_bytes(body[: len(body) // 2])


def take_away(path):
    path.unlink()
