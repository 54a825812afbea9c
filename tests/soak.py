"""Mixed load on ``localshop serve`` while its upstreams fail and its processes are killed at random.

    report = Soak(CommandLine(home), seed=1, seconds=600).run()
    report.wrong                                       # what must not happen; empty if all is well

Every byte is compared with what the upstreams truly have (``soak_visitors``). A failure is allowed
only where a fault may be its reason, and only a clean one: 503 with a time to come back, or a cut
connection. What is here is never allowed to fail. The same seed makes the same choices, though not
at the same moments.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from command_line import CommandLine
from distributions import sdist, wheel
from fake_upstream import FakeUpstream, empty, flipped, garbage, longer, portal, shorter
from servers import Running, serve, until
from soak_truth import Shelf, Truth
from soak_visitors import Place, Visitor

FAULTS: tuple[tuple[str, Mapping[str, object]], ...] = (
    *(("*", {"status": status}) for status in (500, 502, 503, 504, 403, 401)),
    ("*", {"status": 503, "retry_after": "2"}),
    ("*", {"status": 429, "retry_after": "3"}),
    ("*", {"hang": True}),
    ("*", {"delay": 1.0}),
    ("*", {"change": garbage}),
    ("*", {"change": empty}),
    ("*", {"change": portal, "headers": {"Content-Type": "text/html"}}),
    ("*", {"change": portal, "status": 200, "headers": {"Content-Type": "text/html"}}),
    ("*", {"change": shorter}),
    ("*", {"change": longer}),
    # Not of pages: one of their letters may change into another that is as good, and only TLS tells.
    ("/packages/*", {"change": flipped}),
    ("*", {"cut": 0}),
    ("*", {"cut": 300}),
    ("*", {"reset": 0}),
    ("*", {"reset": 400}),
    ("*", {"unsized": True, "cut": 500}),
    ("*", {"unsized": True}),
    ("*", {"redirect": "http://127.0.0.2:9/"}),
    ("*", {"headers": {"X-Long": "a" * 7000, "X-Longer": "b" * 7000}}),
    ("*", {"without": ("Content-Type", "ETag")}),
    ("/simple/*", {"bad_gzip": True}),
    ("/simple/*", {"status": 304}),
    ("/simple/*", {"headers": {"X-PyPI-Last-Serial": "1"}}),
    ("/simple/*", {"drip": 3000}),
    ("/packages/*", {"drip": 400_000}),
    ("/packages/*", {"reset": 100_000}),
    ("/packages/*", {"cut": 200_000}),
    ("/packages/*", {"status": 404}),
    ("/packages/*", {"status": 416}),
    ("/packages/*", {"headers": {"Content-Range": "bytes 1-2/3"}}),
    ("/packages/*.metadata", {"change": flipped}),
    ("/packages/*.metadata", {"status": 404}),
    ("/packages/*.metadata", {"status": 500}),
)
_AUTH = ("us", "marker-of-a-password")
_PROJECTS = 12
_SIZES = {500: 60, 30_000: 20, 300_000: 14, 1_200_000: 4, 4_000_000: 2}
_SAMPLE_EVERY = 1.0


@dataclass(slots=True)
class Report:
    """What came of a soak. ``memory``: MB (PSS) of all processes, in the order of time."""

    seed: int
    seconds: float
    wrong: list[str]
    answers: dict[str, int]
    faults: int
    kills: int
    published: int
    slowest: float
    memory: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """By how many MB the last fifth is above the one before, when nothing new is published any more.

        As long as there are new pages, they are kept in memory, up to a limit that no soak reaches.
        """
        fifth = len(self.memory) // 5
        if not fifth:
            return 0.0
        last, before = self.memory[-fifth:], self.memory[-2 * fifth : -fifth]
        return statistics.median(last) - statistics.median(before)

    def __str__(self) -> str:
        answers = ", ".join(f"{count:,} {what}" for what, count in sorted(self.answers.items()))
        lines = [
            f"seed {self.seed}, {self.seconds:.0f} s: {sum(self.answers.values()):,} answers ({answers})",
            f"{self.faults} faults, {self.kills} kills, {self.published:,} files published upstream",
            f"slowest first byte {self.slowest:.1f} s",
            f"memory {_spread(self.memory)} MB PSS ({_ends(self.memory)})",
            f"memory of the last fifth {self.growth:+.1f} MB to the one before",
            f"open files {_spread(self.descriptors)}",
            f"wrong: {len(self.wrong)}",
            *self.wrong[:40],
        ]
        return "\n".join(lines)


class Soak:
    """See the top of this file."""

    def __init__(self, localshop: CommandLine, *, seed: int, seconds: float, visitors: int = 8) -> None:
        self._localshop = localshop
        self._seed = seed
        self._seconds = seconds
        self._visitors = visitors
        self._chance = random.Random(seed)
        self._truth = Truth()
        self._secret = ""
        self._faults = self._kills = self._published = 0
        self._memory: list[float] = []
        self._descriptors: list[int] = []

    def run(self) -> Report:
        with ExitStack() as ending:
            plain = ending.enter_context(FakeUpstream())
            old = ending.enter_context(FakeUpstream())
            old.html_only = old.relative = True
            old.etags = old.ranges = False
            old.auth = _AUTH
            plain.serial = old.serial = 1000
            running = ending.enter_context(
                serve(
                    self._localshop,
                    LOCALSHOP_UPSTREAM_URL=plain.url,
                    LOCALSHOP_LOG_LEVEL="warning",
                )
            )
            shelves = self._shelves(plain, old)
            for _ in range(2 * _PROJECTS):
                self._publish(shelves)
            place = self._place(running)
            crowd = [
                Visitor(place, self._truth, shelves, seed=f"{self._seed}-{number}")
                for number in range(self._visitors)
            ]
            for visitor in crowd:
                visitor.start()
            self._trouble(running, shelves, [plain, old])
            for visitor in crowd:
                visitor.stop()
            for visitor in crowd:
                visitor.join()
            self._settle(running, place, shelves)
            running.stop()
        self._read_log(running)
        return self._report()

    def _shelves(self, plain: FakeUpstream, old: FakeUpstream) -> list[Shelf]:
        shelves = [
            Shelf("stream", "stream", plain),
            Shelf("redirect", "redirect", plain),
            Shelf("refuse", "refuse", plain),
            Shelf("old", "stream", old),
            Shelf("own", "refuse", None),
        ]
        for shelf in shelves:
            upstream = ["--upstream", _address(shelf.upstream)] if shelf.upstream else ["--no-upstream"]
            self._localshop(
                *("repository", "create", shelf.slug, *upstream, "--miss", shelf.miss, "--fresh", "2")
            )
        return shelves

    def _place(self, running: Running) -> Place:
        made = self._localshop("credential", "create", "--upload")
        self._localshop("cidr", "remove", "own", "127.0.0.0/8")
        self._localshop("cidr", "add", "own", "127.0.0.0/8", "--no-credentials")
        self._secret = made["secret_key"]
        return Place(running.port, made["access_key"], made["secret_key"])

    # What happens to it.

    def _publish(self, shelves: list[Shelf]) -> None:
        """A new file upstream, of a project that there is or of a new one."""
        upstreams = {id(shelf.upstream): shelf.upstream for shelf in shelves if shelf.upstream}
        upstream = self._chance.choice([*upstreams.values()])
        self._published += 1
        number = self._chance.randrange(_PROJECTS + self._published // 20)
        build = self._chance.choice([wheel, wheel, sdist])
        size = self._chance.choices([*_SIZES], [*_SIZES.values()])[0]
        version = f"1.{self._published}" if self._chance.random() < 0.9 else f"1.{self._published}+local.1"
        made = build(
            f"Soak_{number}",
            version,
            requires_python=">=3.8",
            size=size + self._chance.randrange(size),
        )
        # The truth first: a page may show it as soon as the upstream has it.
        for shelf in shelves:
            if shelf.upstream is upstream:
                self._truth.publish(shelf.slug, made)
        upstream.serial = 1000 + self._published
        upstream.add(made)

    def _trouble(self, running: Running, shelves: list[Shelf], upstreams: list[FakeUpstream]) -> None:
        """Faults, deaths and news, until the time is over."""
        end = time.monotonic() + self._seconds
        last = 0.0
        timeline = self._timeline(upstreams)
        kill_at = time.monotonic() + self._chance.uniform(3, 10)
        while time.monotonic() < end:
            next(timeline)
            if self._chance.random() < 0.3 and time.monotonic() < end - 0.4 * self._seconds:
                self._publish(shelves)
            if time.monotonic() > kill_at:
                self._kill(running)
                kill_at = time.monotonic() + self._chance.uniform(5, 30)
            if time.monotonic() - last > _SAMPLE_EVERY:
                last = time.monotonic()
                self._sample(running)
            time.sleep(0.1)
        timeline.close()

    def _timeline(self, upstreams: list[FakeUpstream]) -> Iterator[None]:
        """Turn faults on and off; each step gives time to the rest."""
        while True:
            yield from _while(self._chance.uniform(0.2, 6))
            self._faults += 1
            with self._truth.fault(), self._fault(self._chance.choice(upstreams)):
                yield from _while(self._chance.uniform(0.5, 6))
            if self._chance.random() < 0.15:
                # Long enough for what was left alone to be asked again.
                yield from _while(25)

    @contextmanager
    def _fault(self, upstream: FakeUpstream) -> Iterator[None]:
        if self._chance.random() < 0.05:
            upstream.stop()
            try:
                yield
            finally:
                upstream.start()
            return
        pattern, what = self._chance.choice(FAULTS)
        if pattern == "*":
            pattern = self._chance.choice(["*", "/simple/*", "/packages/*"])
        upstream.fault(pattern, **what)
        try:
            yield
        finally:
            upstream.heal()

    def _kill(self, running: Running) -> None:
        victims = running.job_processes() if self._chance.random() < 0.4 else running.web_processes()
        if victims:
            self._kills += 1
            self._truth.death()
            with suppress(ProcessLookupError):
                os.kill(self._chance.choice(victims), signal.SIGKILL)

    def _sample(self, running: Running) -> None:
        pss, descriptors = 0.0, 0
        for pid in running.group():
            with suppress(OSError, IndexError):
                pss += int(Path(f"/proc/{pid}/smaps_rollup").read_text().split("\nPss:")[1].split()[0]) / 1024
                descriptors += sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        self._memory.append(pss)
        self._descriptors.append(descriptors)

    # What is left in the end.

    def _settle(self, running: Running, place: Place, shelves: list[Shelf]) -> None:
        """Without trouble all that was kept is there, whole, and nothing else is left lying about."""
        until(lambda: len(running.web_processes()) == 2)
        last = Visitor(place, self._truth, shelves, seed=f"{self._seed}-last")
        by_slug = {shelf.slug: shelf for shelf in shelves}
        for slug, books in self._truth.books.items():
            for book in books:
                if (slug, book.distribution.path) in self._truth.kept:
                    last.insist(by_slug[slug], book)
        last.hang_up()
        ended = self._localshop.run("jobs", "wait", "--timeout", "50", "--json")
        if ended.code not in {0, 1}:
            self._truth.blame(f"The jobs did not end: {ended}")
        checked = self._localshop.run("verify", "--json")
        if checked.code:
            self._truth.blame(f"What is stored is not in order: {checked}")

    def _read_log(self, running: Running) -> None:
        text = running.log.read_text()
        for secret in (_AUTH[1], self._secret):
            if secret in text:
                self._truth.blame(f"The log has a secret; see {running.log}")
        for line in text.splitlines():
            if "Traceback" in line or '"slug": "crashed"' in line or "never awaited" in line:
                self._truth.blame(f"The log has: {line[:300]}; see {running.log}")

    def _report(self) -> Report:
        return Report(
            seed=self._seed,
            seconds=self._seconds,
            wrong=self._truth.wrong,
            answers=dict(self._truth.counts),
            faults=self._faults,
            kills=self._kills,
            published=self._published,
            slowest=self._truth.slowest,
            memory=self._memory,
            descriptors=self._descriptors,
        )


def _address(upstream: FakeUpstream) -> str:
    """Where an upstream is, with the credentials that it wants."""
    return upstream.url.replace("//", f"//{':'.join(upstream.auth)}@") if upstream.auth else upstream.url


def _while(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield


def _spread(values: list[float] | list[int]) -> str:
    return f"{min(values):.0f} to {max(values):.0f}" if values else "unknown"


def _ends(values: list[float]) -> str:
    return f"{values[0]:.0f} at first, {values[-1]:.0f} at last" if values else "unknown"
