"""A store that can be read only: a disk that the kernel has taken away from writers, or wrong rights."""

from __future__ import annotations

import base64
import http.client
import json
import os
import subprocess
from contextlib import contextmanager

import pytest

from distributions import wheel
from servers import serve, until
from upload_form import upload_of


@contextmanager
def read_only(place):
    """A directory that nobody can write to, not even root; ``let_go`` takes it back."""
    if os.getuid():
        pytest.skip("only root can mount")
    mount("--bind", place, place)
    mount("--options", "remount,bind,ro", place)
    mounted = [place]

    def let_go():
        for each in mounted:
            subprocess.run(["umount", "--lazy", each], check=True)
        mounted.clear()

    try:
        yield let_go
    finally:
        let_go()


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)


def ask(port, path, *, method="GET", body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def ready(port):
    status, _, body = ask(port, "/-/ready")
    return status, json.loads(body)


@pytest.mark.parametrize("miss", ["redirect", "stream"])
def test_what_is_there_is_served_and_nobody_is_stopped(localshop, upstream, miss):
    """A disk that takes no more costs what would have been written, and no installation."""
    kept, new = upstream.add(wheel("demo", "1.0")), upstream.add(wheel("demo", "2.0", size=2_000_000))
    upload, headers = wheel("own", "1.0"), {}
    localshop.good("init")
    localshop("repository", "edit", "default", "--upstream", upstream.url, "--miss", "stream")
    with serve(localshop) as running:
        assert ask(running.port, f"/repo/default/{kept.distribution.path}")[2] == kept.body
        running.stop()
    localshop("repository", "edit", "default", "--miss", miss)
    made = localshop("credential", "create", "--upload")
    pair = base64.b64encode(f"{made['access_key']}:{made['secret_key']}".encode()).decode()
    form, body = upload_of(upload)
    headers = {**form, "Authorization": f"Basic {pair}"}

    # Nothing is left of the directory for what arrives, either.
    (localshop.home / "files" / ".tmp").rmdir()
    with read_only(localshop.home / "files") as let_go, serve(localshop) as running:
        port = running.port
        assert ask(port, "/repo/default/demo/")[0] == 200
        assert ask(port, f"/repo/default/{kept.distribution.path}")[2] == kept.body
        assert ask(port, f"/repo/default/{new.distribution.path}.metadata")[2] == new.distribution.metadata
        status, told, _ = ask(port, f"/repo/default/{new.distribution.path}")
        assert (status, told["Location"]) == (302, upstream.file_url(new))
        status, told, _ = ask(port, "/repo/default/", method="POST", body=body, headers=headers)
        assert (status, told["X-Localshop-Refusal"]) == (503, "storage-error")
        assert int(told["Retry-After"]) <= 5
        status, health = ready(port)
        assert (status, health["status"], health["storage"]) == (200, "degraded", False)
        assert localshop.run("doctor").code == 1

        # It recovers by itself.
        let_go()
        assert ask(port, "/repo/default/", method="POST", body=body, headers=headers)[0] == 200
        until(lambda: ready(port)[1]["status"] == "ready")
        localshop("repository", "edit", "default", "--miss", "stream")
        assert until(lambda: ask(port, f"/repo/default/{new.distribution.path}"))[2] == new.body
        running.stop()
    assert "Traceback" not in running.log.read_text()


def test_a_home_that_takes_no_writes_is_told_in_a_sentence(localshop, upstream):
    """Without its database localshop cannot serve; whoever starts it has to know why."""
    localshop.good("init")
    with read_only(localshop.home):
        said = localshop.bad("serve", "--bind", "127.0.0.1:0")
    assert "read-only" in said.lower() or "readonly" in said.lower()
