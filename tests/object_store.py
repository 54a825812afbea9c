"""A store that speaks like S3, on loopback: moto's, with a record of what it was asked for.

with ObjectStore() as store:
    bucket = store.bucket()
    S3Storage(**bucket.options)
    bucket.objects()                    # {key: bytes}
    store.seen                          # [Asked("PUT", "/bucket/key", "bytes=0-9"), …]
    store.fail(lambda asked: asked.method == "PUT", times=2)
"""

from __future__ import annotations

import itertools
import logging
import threading
from dataclasses import dataclass, field

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: str
    range: str


@dataclass
class Bucket:
    """A bucket with nothing in it."""

    store: ObjectStore
    name: str
    client: object = field(repr=False)

    @property
    def options(self):
        """What ``S3Storage`` is made with to work in it."""
        return {
            "bucket_name": self.name,
            "endpoint_url": self.store.url,
            "region_name": "us-east-1",
            "access_key": "key",
            "secret_key": "secret",
            "addressing_style": "path",
        }

    def objects(self):
        listed = self.client.list_objects_v2(Bucket=self.name).get("Contents", ())
        return {each["Key"]: self.body(each["Key"]) for each in listed}

    def body(self, key):
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def unfinished(self):
        return self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])


class ObjectStore:
    """Runs as long as its context is open."""

    def __init__(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.seen = []
        self._faults = []
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=MotoRequestHandler
        )
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def bucket(self):
        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        bucket = Bucket(self, f"packages-{next(_numbers)}", client)
        client.create_bucket(Bucket=bucket.name)
        return bucket

    def fail(self, wanted, *, times=1_000_000, cut=None):
        """Answer 503 where ``wanted`` is true of what is asked, or cut the body after so many bytes."""
        self._faults.append([wanted, times, cut])

    def heal(self):
        self._faults.clear()
        self.seen.clear()

    def _answer(self, environ, start_response):
        asked = Asked(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            environ["QUERY_STRING"],
            environ.get("HTTP_RANGE", ""),
        )
        self.seen.append(asked)
        for fault in self._faults:
            wanted, times, cut = fault
            if times > 0 and wanted(asked):
                fault[1] -= 1
                if cut is None:
                    start_response("503 Slow Down", [("Content-Length", "0")])
                    return [b""]
                return [b"".join(self._moto(environ, start_response))[:cut]]
        return self._moto(environ, start_response)
