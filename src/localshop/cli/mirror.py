"""``localshop mirror``: has packages here before anybody asks for them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.core.management.base import CommandParser
from packaging import tags
from packaging.markers import default_environment

from localshop import config
from localshop.catalog import repositories
from localshop.catalog.records import RepositoryRecord
from localshop.cli.output import LocalshopCommand, Options, Shape, cell
from localshop.cli.wishes import Gathered, gather
from localshop.mirror.prefetch import Prefetched, Progress, prefetch, total_size
from localshop.mirror.prefetch_records import Wishes
from localshop.observe.redact import redact
from localshop.protocol.targets import Target, on_platforms, ranks, target
from localshop.shop import open_shop


class Command(LocalshopCommand):
    """Chooses files by requirements and lock files, and fetches those that are missing."""

    help = "fetch packages before anybody asks for them, by requirements and lock files"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what is wanted, for which machines."""
        super().add_arguments(parser)
        parser.add_argument(
            "requirements", nargs="*", metavar="REQUIREMENT", help="such as 'django>=5', and what it needs"
        )
        for short, long, about in (
            ("-r", "--requirement", "a requirements file, as pip reads it"),
            ("-l", "--lock", "a pylock.toml, uv.lock, poetry.lock or pdm.lock"),
        ):
            parser.add_argument(short, long, action="append", default=[], metavar="FILE", help=about)
        parser.add_argument(
            "--repository", default=repositories.DEFAULT, metavar="SLUG", help="where to have them"
        )
        parser.add_argument(
            "--python",
            action="append",
            default=[],
            metavar="VERSION",
            help="a Python that shall use them, 3.12; several: all of them; this one if not given",
        )
        parser.add_argument(
            "--platform",
            action="append",
            default=[],
            metavar="TAG",
            help="a platform that shall use them, manylinux_2_28_x86_64; this one if not given",
        )
        parser.add_argument("--no-deps", action="store_true", help="not what they need, too")
        parser.add_argument("--only-wheels", action="store_true", help="no sdists")
        parser.add_argument("--pre", action="store_true", help="pre-releases, too")
        parser.add_argument("--dry-run", action="store_true", help="fetch no file, only tell")

    def handle(self, *_args: object, **options: object) -> None:
        """Fetch; ends with 1 when something cannot be had."""
        repository = repositories.repository(str(options["repository"]))
        gathered = gather(options)
        if not gathered.requirements and not gathered.locked and not gathered.skipped:
            self.wrong_usage("Nothing is asked for; give a requirement, --requirement FILE or --lock FILE.")
        wishes = _wishes(gathered, options)
        if logging.getLogger().level == logging.INFO:
            # A line for each file that is here now would be one beside the count.
            logging.getLogger().setLevel(logging.WARNING)
        result = asyncio.run(_prefetch(repository, wishes, dry_run=bool(options["dry_run"])))
        skipped = [redact(sentence) for sentence in (*gathered.skipped, *result.remarks)]
        self.show(options, _shape(result, skipped), _text(result, skipped, dry_run=bool(options["dry_run"])))
        if result.missing:
            sys.exit(1)


def _wishes(gathered: Gathered, options: Options) -> Wishes:
    return Wishes(
        targets=_targets(options["python"], options["platform"]),
        requirements=gathered.requirements,
        locked=gathered.locked,
        constraints=gathered.constraints,
        every_locked=not options["python"] and not options["platform"],
        dependencies=not options["no_deps"],
        only_wheels=options["only_wheels"],
        prereleases=options["pre"] or gathered.prereleases,
    )


def _targets(pythons: list[str], platforms: list[str]) -> list[Target]:
    """Every Python on every platform; those of this process where none was named."""
    machine = {name: str(value) for name, value in default_environment().items()}
    if not pythons and not platforms:
        own = f"Python {machine['python_version']} on this machine"
        return [Target(own, machine["python_full_version"], machine, ranks(tags.sys_tags()))]
    if not platforms:
        here = list(tags.platform_tags())
        return [on_platforms(one, "this machine", platforms=here, markers=machine) for one in pythons]
    wanted = pythons or [machine["python_version"]]
    return [target(python, platform) for python in wanted for platform in platforms]


async def _prefetch(repository: RepositoryRecord, wishes: Wishes, *, dry_run: bool) -> Prefetched:
    progress = Progress()
    shop = open_shop(config.current())
    try:
        async with _told(progress):
            return await prefetch(shop, repository, wishes, dry_run=dry_run, progress=progress)
    finally:
        await shop.close()


@asynccontextmanager
async def _told(progress: Progress) -> AsyncIterator[None]:
    """Tell people on stderr how far it is: a line that is written over and over, or one now and then."""
    terminal = sys.stderr.isatty()
    task = asyncio.create_task(_tell(progress, terminal=terminal))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if terminal:
            sys.stderr.write("\r\x1b[K")


async def _tell(progress: Progress, *, terminal: bool) -> None:
    pause = 0.2 if terminal else 10
    rate, before = 0.0, 0
    while True:
        await asyncio.sleep(pause)
        arrived = progress.arrived
        # What came lately counts more; a single look would make the number jump.
        share = min(pause / 2, 1)
        rate += share * (max(arrived - before, 0) / pause - rate)
        before = arrived
        if not progress.files:
            line = f"Projects looked at: {progress.projects}"
        else:
            of = f" of {_size(progress.size)}" if progress.size is not None else ""
            count = f"{progress.fetched} of {progress.files} files"
            line = f"Fetched: {count}, {_size(arrived)}{of}, {_size(rate)}/s"
        sys.stderr.write(f"\r{line}\x1b[K" if terminal else f"{line}\n")
        sys.stderr.flush()


def _shape(result: Prefetched, skipped: list[str]) -> Shape:
    return {
        "here": len(result.here),
        "fetched": len(result.fetched),
        "bytes": sum(blob.size for blob in result.fetched),
        "to_fetch": [
            {"project": one.stock.name, "filename": one.entry.filename, "size": one.entry.size}
            for one in result.to_fetch
        ],
        "missing": [
            {"what": one.what, "reason": one.slug, "sentence": one.sentence} for one in result.missing
        ],
        "skipped": skipped,
    }


def _text(result: Prefetched, skipped: list[str], *, dry_run: bool) -> str:
    lines = [cell(sentence) for sentence in skipped]
    lines += [cell(f"To fetch: {one.entry.filename}") for one in result.to_fetch]
    lines += [cell(f"Missing: {one.what}: {one.slug}: {one.sentence}") for one in result.missing]
    if dry_run:
        known = total_size(result.to_fetch)
        then = f"To fetch: {len(result.to_fetch)}{f' ({_size(known)})' if known else ''}"
    else:
        then = f"Fetched: {len(result.fetched)} ({_size(sum(blob.size for blob in result.fetched))})"
    lines.append(f"Here already: {len(result.here)}. {then}. Missing: {len(result.missing)}.")
    return "\n".join(lines)


def _size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
