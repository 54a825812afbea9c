"""The visitors of a soak: each asks for something at random, and compares the answer with the truth."""

from __future__ import annotations

import base64
import http.client
import json
import random
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

from distributions import Distribution, sdist, wheel
from soak_truth import Book, Shelf, Truth
from upload_form import upload_of

_JSON = "application/vnd.pypi.simple.v1+json"
_PATIENCE = 60.0
_FIRST_BYTE = 15.0
"""Seconds after which pip hangs up if nothing has come."""
_SLICE = 64 << 10
_FRESH = 2.0
_NEWS_AFTER = 13.0
"""Seconds after which a file is found that no page has shown yet: a look for it is made every ten."""
_LINK = re.compile(r'<a href="([^"#]+)#sha256=([0-9a-f]{64})"[^>]*>([^<]+)</a>')


@dataclass(frozen=True, slots=True)
class Place:
    """Where localshop is, and who may upload there."""

    port: int
    access_key: str
    secret_key: str

    @property
    def authorization(self) -> str:
        return "Basic " + base64.b64encode(f"{self.access_key}:{self.secret_key}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Got:
    """An answer; ``cut``: its body ended too soon, ``began``: when it was asked for."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: bool
    began: float


class Visitor(threading.Thread):
    """One client; what it does depends on its seed and on what is there."""

    def __init__(self, place: Place, truth: Truth, shelves: list[Shelf], *, seed: str) -> None:
        super().__init__(name=f"visitor {seed}", daemon=True)
        self._place = place
        self._truth = truth
        self._shelves = shelves
        self._chance = random.Random(seed)
        self._mark = re.sub("[^a-z0-9]", "", seed)
        self._over = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._uploads = 0

    def run(self) -> None:
        acts = {
            self._page: 30,
            self._file: 34,
            self._part: 12,
            self._metadata: 8,
            self._legacy: 4,
            self._upload: 5,
            self._slow: 2,
            self._leave: 4,
            self._half: 1,
            self._newest: 2,
        }
        while not self._over.is_set():
            act = self._chance.choices([*acts], [*acts.values()])[0]
            try:
                act()
            except Exception as error:  # noqa: BLE001 - a visitor that stops would see nothing wrong.
                self._truth.blame(f"{self.name} in {act.__name__}: {error!r}")
            self._over.wait(self._chance.uniform(0.0, 0.02))
        self.hang_up()

    def stop(self) -> None:
        self._over.set()

    def hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def insist(self, shelf: Shelf, book: Book) -> None:
        """Ask for a file that has to be there."""
        got = self._ask(self._url(shelf, book), {})
        if got is not None and self._is_file(shelf, book, got):
            self._compare(shelf, book, got, book.distribution.body)

    # What a visitor does.

    def _page(self) -> None:
        shelf, book = self._choose()
        if book is not None:
            self._look(shelf, book.distribution.normalised, html=self._chance.random() < 0.25)

    def _look(self, shelf: Shelf, project: str, *, html: bool = False) -> frozenset[str] | None:
        """Ask for a page; the names that it shows, or None if there was none, for a good reason."""
        before = self._truth.shown(shelf.slug, project)
        url = f"/repo/{shelf.slug}/{project}/"
        got = self._ask(url, {"Accept": "text/html" if html else _JSON})
        # What is known is shown, whatever becomes of the upstream.
        if got is None or not self._good(got, url, must=bool(before)):
            return None
        listed = _links(got.body) if html else _records(got.body)
        truth = self._truth.of(shelf.slug, project)
        for filename, href, sha256 in listed:
            book = truth.get(filename)
            if book is None:
                self._truth.blame(f"{url} lists {filename}, which nobody has")
            elif (href, sha256) != (self._url(shelf, book), book.distribution.sha256):
                self._truth.blame(f"{url} lists {filename} at {href} with {sha256}")
        names = frozenset(filename for filename, _, _ in listed)
        if not before <= names:
            self._truth.blame(f"{url} lacks {sorted(before - names)}, which it has shown before")
        self._truth.show(shelf.slug, project, names)
        return names

    def _newest(self) -> None:
        """After a while without faults a page shows all that there is, at the second look at the latest."""
        shelf, book = self._choose()
        if book is None:
            return
        project = book.distribution.normalised
        known_at = time.monotonic()
        self._look(shelf, project)
        self._over.wait(_FRESH + 1)
        names = self._look(shelf, project)
        if names is None or shelf.upstream is None or self._truth.calm_since() > known_at - 1:
            return
        missing = {
            name for name, book in self._truth.of(shelf.slug, project).items() if book.since < known_at - 1
        } - names
        if missing and not self._truth.excuses_cut(known_at):
            self._truth.blame(f"{project} in {shelf.slug} still lacks {sorted(missing)}")

    def _file(self) -> None:
        shelf, book = self._choose()
        if book is None:
            return
        head = self._chance.random() < 0.1
        got = self._ask(self._url(shelf, book), {}, method="HEAD" if head else "GET")
        if self._is_file(shelf, book, got) and not head:
            self._compare(shelf, book, got, book.distribution.body)

    def _part(self) -> None:
        shelf, book = self._choose()
        if book is None:
            return
        body = book.distribution.body
        start = self._chance.randrange(len(body))
        stop = min(len(body), start + self._chance.choice([1, 2_000, 200_000, len(body)]))
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        if self._chance.random() < 0.5:
            headers["If-Range"] = f'"{book.distribution.sha256}"'
        got = self._ask(self._url(shelf, book), headers)
        if not self._is_file(shelf, book, got, status=206):
            return
        if got.headers.get("content-range") != f"bytes {start}-{stop - 1}/{len(body)}":
            self._truth.blame(f"{book.filename}: {headers} gave {got.headers.get('content-range')}")
        self._compare(shelf, book, got, body[start:stop])

    def _metadata(self) -> None:
        shelf, book = self._choose()
        if book is None or not book.filename.endswith(".whl"):
            return
        url = f"{self._url(shelf, book)}.metadata"
        got = self._ask(url, {})
        if got is None or (got.status == 404 and self._is_news(shelf, book, got)):
            return
        if self._good(got, url) and got.body != book.distribution.metadata:
            self._truth.blame(f"{url}: {len(got.body)} other bytes")

    def _legacy(self) -> None:
        shelf, book = self._choose()
        if book is None:
            return
        project = book.distribution.normalised
        url = f"/repo/{shelf.slug}/pypi/{project}/json"
        got = self._ask(url, {})
        if got is None or not self._good(got, url):
            return
        truth = self._truth.of(shelf.slug, project)
        for files in json.loads(got.body)["releases"].values():
            for told in files:
                book = truth.get(told["filename"])
                if book is None or told["digests"]["sha256"] != book.distribution.sha256:
                    self._truth.blame(f"{url} tells of {told['filename']} what nobody said")

    def _upload(self) -> None:
        shelf = next(shelf for shelf in self._shelves if shelf.upstream is None)
        self._uploads += 1
        made = self._made()
        headers, body = upload_of(made)
        headers["Authorization"] = self._place.authorization
        self._truth.publish(shelf.slug, made)
        for _ in range(20):
            got = self._ask(f"/repo/{shelf.slug}/", headers, method="POST", body=body)
            if got is not None:
                break
            self._over.wait(0.2)
        if got is None or got.status != 200:
            said = got.body[:200] if got is not None else "no answer"
            self._truth.blame(f"The upload of {made.filename} was not taken: {said!r}")
            return
        self._truth.keep(shelf.slug, made.path)
        names = self._look(shelf, made.normalised)
        if names is not None and made.filename not in names:
            self._truth.blame(f"{made.filename} was taken, and is not listed")

    def _made(self) -> Distribution:
        build = self._chance.choice([wheel, sdist])
        size = self._chance.choice([100, 5_000, 200_000])
        return build(
            f"own-{self._mark}-{self._uploads % 3}", f"1.{self._uploads}", requires=[self._mark], size=size
        )

    def _slow(self) -> None:
        """Read a file a little at a time."""
        shelf, book = self._choose(large=True)
        if book is None:
            return
        got = self._ask(self._url(shelf, book), {}, pause=0.02)
        if self._is_file(shelf, book, got):
            self._compare(shelf, book, got, book.distribution.body)

    def _leave(self) -> None:
        """Hang up in the middle of a file."""
        shelf, book = self._choose(large=True)
        if book is None:
            return
        with socket.create_connection(("127.0.0.1", self._place.port), timeout=_PATIENCE) as raw:
            raw.sendall(f"GET {self._url(shelf, book)} HTTP/1.1\r\nHost: soak\r\n\r\n".encode())
            if self._chance.random() < 0.7:
                raw.settimeout(self._chance.choice([0.01, 1.0]))
                with suppress(OSError):
                    raw.recv(self._chance.choice([10, 1000, _SLICE]))
        self._truth.count("left")

    def _half(self) -> None:
        """Begin a request and say no more."""
        with socket.create_connection(("127.0.0.1", self._place.port), timeout=_PATIENCE) as raw:
            raw.sendall(b"GET /repo/stream/soak-1/ HTTP/1.1\r\nHos")
            self._over.wait(1.0)
        self._truth.count("half")

    # How it asks and judges.

    def _choose(self, *, large: bool = False) -> tuple[Shelf, Book | None]:
        """A repository and a file of it; every other time one of the newest, which nobody knows yet."""
        shelf = self._chance.choice(self._shelves)
        books = self._truth.books.get(shelf.slug, [])
        last = books[-8:] if self._chance.random() < 0.5 else books[:]
        if shelf.upstream is None:
            # Of an upload that is on its way nothing can be expected.
            last = [book for book in last if (shelf.slug, book.distribution.path) in self._truth.kept]
        if large:
            last = [book for book in last if len(book.distribution.body) > 4 * _SLICE] or last
        return shelf, self._chance.choice(last) if last else None

    def _url(self, shelf: Shelf, book: Book) -> str:
        return f"/repo/{shelf.slug}/{book.distribution.path}"

    def _ask(
        self,
        url: str,
        headers: dict[str, str],
        *,
        method: str = "GET",
        body: bytes | None = None,
        pause: float = 0.0,
    ) -> Got | None:
        """One request; None: the connection broke before there was an answer, for a good reason."""
        began = time.monotonic()
        reused = self._connection is not None
        connection = self._connection or http.client.HTTPConnection(
            "127.0.0.1", self._place.port, timeout=_PATIENCE
        )
        self._connection = None
        try:
            connection.request(method, url, body=body, headers=headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if not (reused or self._truth.excuses_cut(began)) or isinstance(error, TimeoutError):
                self._truth.blame(f"{method} {url}: {error!r} after {time.monotonic() - began:.1f} s")
            return None
        waited = time.monotonic() - began
        self._truth.waited(waited)
        if waited > _FIRST_BYTE:
            self._truth.blame(f"{method} {url} was answered after {waited:.1f} s")
        read, cut = _read(answer, pause)
        if cut or self._chance.random() < 0.3:
            connection.close()
        else:
            self._connection = connection
        self._truth.count(f"{answer.status}{' cut' if cut else ''}")
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Got(answer.status, told, read, cut, began)

    def _is_file(self, shelf: Shelf, book: Book, got: Got | None, *, status: int = 200) -> bool:
        """Whether the answer has bytes to compare; what else it is must be as the repository has it."""
        if got is None:
            return False
        url = self._url(shelf, book)
        kept = (shelf.slug, book.distribution.path) in self._truth.kept
        if not kept and shelf.miss == "redirect" and got.status == 302:
            told = got.headers["location"]
            if shelf.upstream is None or unquote(told) != f"{shelf.upstream.base}/{book.distribution.path}":
                self._truth.blame(f"{url} leads to {told}")
            return False
        if not kept and shelf.miss == "refuse" and got.status == 403:
            return False
        if got.status == 404 and self._is_news(shelf, book, got):
            return False
        return self._good(got, url, status=status, must=kept)

    def _is_news(self, shelf: Shelf, book: Book, got: Got) -> bool:
        """Whether the file is so new that nobody here knows of it, as no page has shown it."""
        shown = self._truth.shown(shelf.slug, book.distribution.normalised)
        return book.filename not in shown and book.since > got.began - _NEWS_AFTER

    def _good(self, got: Got, url: str, *, status: int = 200, must: bool = False) -> bool:
        """Whether this is the answer that was wanted; if not, an upstream has to be the reason.

        ``must``: what was asked for is here, so an upstream is no reason.
        """
        if got.status == 503 and not got.headers.get("retry-after", "").isdigit():
            self._truth.blame(f"{url}: 503 without a time to come back")
        if got.cut:
            excused = self._truth.excuses_cut(got.began) or (
                not must and self._truth.excuses_failure(got.began)
            )
            if not excused:
                self._truth.blame(f"{url} was cut at {len(got.body)} bytes")
            return False
        if got.status == status:
            return True
        if got.status != 503 or must or not self._truth.excuses_failure(got.began):
            self._truth.blame(f"{url}: {got.status} {got.body[:200]!r}{' (it is here)' if must else ''}")
        return False

    def _compare(self, shelf: Shelf, book: Book, got: Got | None, body: bytes) -> None:
        assert got is not None
        if got.body != body:
            self._truth.blame(f"{self._url(shelf, book)}: {len(got.body)} wrong bytes of {len(body)}")
        elif got.status == 200:
            self._truth.keep(shelf.slug, book.distribution.path)


def _read(answer: http.client.HTTPResponse, pause: float) -> tuple[bytes, bool]:
    """The body, and whether it was cut."""
    pieces = []
    try:
        if not pause:
            return answer.read(), False
        while piece := answer.read(_SLICE):
            pieces.append(piece)
            time.sleep(pause)
    except http.client.IncompleteRead as error:
        return b"".join(pieces) + error.partial, True
    except (OSError, http.client.HTTPException):
        return b"".join(pieces), True
    wanted = answer.getheader("Content-Length")
    read = b"".join(pieces)
    return read, wanted is not None and len(read) != int(wanted)


def _records(body: bytes) -> list[tuple[str, str, str]]:
    return [
        (file["filename"], unquote(file["url"]), file["hashes"]["sha256"])
        for file in json.loads(body)["files"]
    ]


def _links(body: bytes) -> list[tuple[str, str, str]]:
    return [(name, unquote(href), sha256) for href, sha256, name in _LINK.findall(body.decode())]
