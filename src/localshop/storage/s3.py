"""S3, and what speaks like it: the storage class of django-storages, with what S3 itself can do.

The class of the library fetches a file whole before it gives its first byte, holds uploads in memory,
and lists one directory at a time. Here its client is asked for the same things in another way. How it
signs in, where it is, and what objects are made with is as the library's own settings say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from boto3.s3.transfer import S3Transfer
from botocore.config import Config

from localshop.errors import StorageDamaged
from localshop.protocol import inert

from .anywhere import not_there
from .failures import answered_code
from .ranged import ranged_file

_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_FOR_EVER = "private, max-age=365000000, immutable"


class S3:
    """A ``Keeper`` that is one ``storages.backends.s3.S3Storage``.

    Whatever fails raises the exceptions of botocore. All threads share one client, as botocore allows.
    """

    checks_size = True

    def __init__(self, storage: Any) -> None:
        self._storage = storage
        self._bucket: str = storage.bucket_name
        # Questions are answered at once or not at all: some are asked while the database is locked.
        # What carries bytes may take its time between two of them, and at their end.
        self._asking = copy(storage)
        theirs = storage.client_config
        if theirs.signature_version is None:
            # Else links are signed in an old way, which new regions and other stores do not take.
            theirs = theirs.merge(Config(signature_version="s3v4"))
        # What the administrator says wins.
        storage.client_config = _patient(30, attempts=3).merge(theirs)
        self._asking.client_config = _patient(5, attempts=2).merge(theirs)

    @cached_property
    def _client(self) -> Any:
        return self._storage.connection.meta.client

    @cached_property
    def _questions(self) -> Any:
        return self._asking.connection.meta.client

    @property
    def signs(self) -> bool:
        """Whether it gives links that open one file for a while, and are worth nothing after."""
        return bool(self._storage.querystring_auth) and (
            not self._storage.custom_domain or self._storage.cloudfront_signer is not None
        )

    def put(self, part: Path, name: str, *, size: int) -> str:
        """Store the file at ``part``, unless it is there. It is never in memory as a whole.

        What is there is whole, and so is what takes its place: a write that was cut leaves nothing.
        """
        if self.size(name) == size:
            return name
        # What a browser does with it is told by whoever stores it, for links that cannot say so themselves.
        told = {"ContentType": inert.HEADERS["content-type"], "CacheControl": _FOR_EVER}
        told["ContentDisposition"] = inert.HEADERS["content-disposition"]
        if self._storage.default_acl:
            told["ACL"] = self._storage.default_acl
        told |= self._storage.get_object_parameters(name)
        self._client.upload_file(
            str(part), self._bucket, self._key(name), ExtraArgs=told, Config=self._storage.transfer_config
        )
        return name

    def size(self, name: str) -> int | None:
        """Tell the size in bytes; None: it is not there."""
        found = self._look_at(name)
        return None if found is None else int(found["ContentLength"])

    def modified(self, name: str) -> float | None:
        """When it came, in seconds since the epoch; None: it is not there."""
        found = self._look_at(name)
        return None if found is None else float(found["LastModified"].timestamp())

    def open(self, name: str, *, size: int | None, part: tuple[int, int] | None) -> BinaryIO:
        """Open a file, see ``ranged_file``; ``size``: what it should have, if that is known.

        That it is there, and has them, is seen with the first read, which else raises
        ``FileNotFoundError`` or ``StorageDamaged``.
        """
        whole = self.size(name) if size is None else size
        if whole is None:
            raise not_there(name)

        def open_range(start: int, stop: int) -> Any:
            return self._part_of(name, whole, start=start, stop=stop)

        file: BinaryIO = ranged_file(open_range, name=name, size=whole, part=part)
        return file

    def delete(self, name: str) -> None:
        """Delete a file; one that is not there is fine."""
        self._questions.delete_object(Bucket=self._bucket, Key=self._key(name))

    def move(self, name: str, aside: str) -> str:
        """Give a file another name, inside the store."""
        source = {"Bucket": self._bucket, "Key": self._key(name)}
        self._client.copy(source, self._bucket, self._key(aside), Config=self._storage.transfer_config)
        self.delete(name)
        return aside

    def names(self, pattern: re.Pattern[str]) -> Iterator[str]:
        """Give the names that match, in order, a thousand with each request."""
        place = self._key("")
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=place)
        for page in pages:
            for found in page.get("Contents", ()):
                name = found["Key"].removeprefix(place)
                if pattern.match(name):
                    yield name

    def signed_url(self, name: str, *, seconds: int) -> str:
        """Make a link that opens this file for so many seconds. Whoever has it needs nothing else."""
        if self._storage.custom_domain:
            return str(self._storage.url(name, expire=seconds))
        # A browser that follows it neither shows nor runs what it gets.
        answer = {
            "ResponseContentType": inert.HEADERS["content-type"],
            "ResponseContentDisposition": inert.HEADERS["content-disposition"],
            "ResponseCacheControl": _FOR_EVER,
        }
        return str(
            self._questions.generate_presigned_url(
                "get_object", Params={**self._of(name), **answer}, ExpiresIn=seconds
            )
        )

    def _part_of(self, name: str, size: int, *, start: int, stop: int) -> Any:
        try:
            answer = self._client.get_object(**self._of(name), Range=f"bytes={start}-{stop - 1}")
        except Exception as error:
            if answered_code(error) in _MISSING:
                raise not_there(name) from error
            if answered_code(error) == "InvalidRange":
                raise StorageDamaged(f"The stored file {name} is shorter than {size} bytes.") from error
            raise
        found = answer.get("ContentRange", "").rpartition("/")[2]
        if found != str(size):
            answer["Body"].close()
            raise StorageDamaged(f"The stored file {name} has {found} bytes where {size} were stored.")
        return answer["Body"]

    def _look_at(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._questions.head_object(**self._of(name))
        except Exception as error:
            if answered_code(error) in _MISSING:
                return None
            raise
        return found

    def _of(self, name: str) -> dict[str, Any]:
        """The parameters with which this object is read."""
        said = self._storage.get_object_parameters(name)
        reading = {key: value for key, value in said.items() if key in S3Transfer.ALLOWED_DOWNLOAD_ARGS}
        return {**reading, "Bucket": self._bucket, "Key": self._key(name)}

    def _key(self, name: str) -> str:
        place = str(self._storage.location).strip("/")
        return f"{place}/{name}" if place else name


def _patient(seconds: int, *, attempts: int) -> Any:
    retries = {"mode": "standard", "total_max_attempts": attempts}
    return Config(connect_timeout=5, read_timeout=seconds, retries=retries, max_pool_connections=50)
