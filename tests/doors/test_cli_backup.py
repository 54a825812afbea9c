"""``localshop backup`` and ``restore`` as they are used: beside a server, and killed in the middle."""

from __future__ import annotations

import base64
import hashlib
import http.client
import itertools
import json
import signal
import subprocess
import sys
import threading

import pytest

from command_line import CommandLine
from distributions import wheel
from servers import serve, until
from upload_form import upload_of

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


class Client:
    """A machine with a credential."""

    def __init__(self, credential):
        pair = f"{credential['access_key']}:{credential['secret_key']}"
        self.headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def ask(self, running, method, path, *, headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def upload(self, running, distribution):
        headers, body = upload_of(distribution)
        return self.ask(running, "POST", "/repo/default/", headers=headers, body=body)[0]

    def listing(self, running):
        """All files of all projects: name to (URL, SHA-256)."""
        _, body = self.ask(running, "GET", "/repo/default/", headers=JSON)
        found = {}
        for project in json.loads(body)["projects"]:
            _, page = self.ask(running, "GET", f"/repo/default/{project['name']}/", headers=JSON)
            files = json.loads(page)["files"]
            found |= {one["filename"]: (one["url"], one["hashes"]["sha256"]) for one in files}
        return found


@pytest.fixture
def elsewhere(tmp_path):
    return CommandLine(tmp_path / "elsewhere")


def test_a_backup_beside_uploads_is_one_moment_and_comes_back_whole(localshop, elsewhere, tmp_path):
    """Two processes take uploads all the while; on another machine every file that is listed is whole."""
    place = str(tmp_path / "backups")
    numbers, over = itertools.count(), threading.Event()
    begun, done = [], []
    with serve(localshop) as running:
        client = Client(localshop("credential", "create", "--upload"))

        def uploader():
            while not over.is_set():
                number = next(numbers)
                one = wheel(f"demo-{number % 7}", f"{number}.0", size=20_000)
                begun.append(one.filename)
                assert client.upload(running, one) == 200
                done.append(one.filename)

        threads = [threading.Thread(target=uploader) for _ in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: len(done) > 20)
        before = set(done)
        taken = localshop("backup", place)
        after = set(begun)
        over.set()
        for thread in threads:
            thread.join()
        running.stop()
    assert (taken["missing"], taken["damaged"]) == ([], [])
    secret = base64.b64decode(client.headers["Authorization"].split()[1]).decode().partition(":")[2]
    texts = [path.read_bytes() for path in (tmp_path / "backups").rglob("*") if path.is_file()]
    assert not any(secret.encode() in text for text in texts)

    restored = elsewhere("restore", place)
    assert restored["files"] == taken["files"]
    with serve(elsewhere) as running:
        listed = client.listing(running)
        assert before <= listed.keys() <= after
        assert len(listed) == taken["files"]
        for url, sha256 in listed.values():
            status, body = client.ask(running, "GET", url)
            assert (status, hashlib.sha256(body).hexdigest()) == (200, sha256)
        assert client.upload(running, wheel("demo-0", "9999.0")) == 200
        running.stop()


def test_killed_in_the_middle_and_run_again(localshop, elsewhere, tmp_path):
    """Power fails at night, too: what was begun is no snapshot, and is gone on with."""
    backups = tmp_path / "backups"
    sent = [wheel("demo", f"{number}.0", size=2_000_000) for number in range(30)]
    with serve(localshop) as running:
        client = Client(localshop("credential", "create", "--upload"))
        assert [client.upload(running, one) for one in sent] == [200] * 30
        running.stop()

    process = localshop.start("backup", str(backups))
    until(lambda: list((backups / "files").glob("??/??/*")))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert list((backups / "snapshots").glob("*.json")) == []
    assert "no snapshot" in elsewhere.bad("restore", str(backups))
    taken = localshop("backup", str(backups), "--keep", "1")
    assert taken["files"] == 30
    assert 0 < taken["copied"] < 30
    assert list((backups / ".tmp").iterdir()) == []
    assert len(list((backups / "snapshots").iterdir())) == 2

    process = elsewhere.start("restore", str(backups))
    until(lambda: list((elsewhere.home / "files").glob("??/??/*")))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    for command in (["repository", "list"], ["serve", "--bind", "127.0.0.1:0"]):
        assert "localshop restore" in elsewhere.bad(*command)
    assert elsewhere("restore", str(backups))["files"] == 30
    assert "already" in elsewhere.bad("restore", str(backups))
    with serve(elsewhere) as running:
        assert {name: sha256 for name, (_, sha256) in client.listing(running).items()} == {
            one.filename: one.sha256 for one in sent
        }
        running.stop()


def test_through_a_pipe(localshop, elsewhere):
    """``localshop backup - | ssh … localshop restore -`` moves an installation."""
    localshop.good("init", "--username", "ann")
    command = [sys.executable, "-m", "localshop"]
    tar = subprocess.run([*command, "backup", "-"], env=localshop.environ(), capture_output=True, check=True)
    assert b"Snapshot" in tar.stderr
    back = subprocess.run(
        [*command, "restore", "-", "--json"],
        env=elsewhere.environ(),
        input=tar.stdout,
        capture_output=True,
        check=True,
    )
    assert json.loads(back.stdout)["lacking"] == []
    assert [one["username"] for one in elsewhere("user", "list")] == ["ann"]
