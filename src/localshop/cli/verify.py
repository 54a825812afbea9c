"""``localshop verify``: checks every stored file against its digest."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from localshop import config
from localshop.cli.output import LocalshopCommand, Options, Shape, Watch, cell
from localshop.mirror.checkpoint import Finding, checkpoint
from localshop.mirror.verify import Pace, Progress, Report, verify
from localshop.shop import open_shop


class Command(LocalshopCommand):
    """Names what is damaged, missing or in no table; with ``--repair`` brings back what can be had."""

    help = "check every stored file against its digest"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument(
            "--repair",
            action="store_true",
            help="fetch damaged and missing mirrored files again, and move damaged private ones aside",
        )
        parser.add_argument("--rate", type=_rate, metavar="MB/S", help="read at most so many MB a second")
        parser.add_argument(
            "--again", action="store_true", help="start over where an interrupted check would go on"
        )
        parser.add_argument(
            "--progress", action="store_true", help="tell once a second how far it is, also in a file"
        )

    def handle(self, *_args: object, **options: Any) -> None:
        """Check, tell, and end with 1 unless every file is whole now."""
        report = asyncio.run(self._verify(options))
        shape = {
            "checked": report.checked,
            "bytes": report.size,
            "findings": [_shape(finding) for finding in report.findings],
            "orphans": None if report.orphans is None else list(report.orphans),
        }
        self.show(options, shape, _text(report))
        if report.orphans is None:
            self.warn("This storage cannot list its files, so there may be some that are in no table.")
        if not report.well:
            sys.exit(1)

    async def _verify(self, options: Options) -> Report:
        settings = config.current()
        rate = options["rate"]
        shop = open_shop(settings)
        try:
            with checkpoint(settings.home / "verify.json", again=options["again"]) as state:
                if state.after:
                    self.warn(f"Going on after the {state.checked} files of a check that was interrupted.")
                watch = Watch(self, shown=options["progress"] or sys.stderr.isatty())
                pace = Pace(rate * 1e6 if rate is not None else None)
                return await verify(shop, state, repair=options["repair"], pace=pace, tell=_telling(watch))
        finally:
            await shop.close()


def _telling(watch: Watch) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        watch.tell(
            f"{progress.checked} of {progress.of} files, {progress.size / 1e6:,.0f} of "
            f"{progress.of_size / 1e6:,.0f} MB, {progress.findings} not right.",
            last=progress.checked == progress.of,
        )

    return tell


def _text(report: Report) -> str:
    lines = [_line(finding) for finding in report.findings]
    lines += [f"orphan  {cell(name)}" for name in report.orphans or ()]
    wrong = len(report.findings)
    repaired = sum(finding.outcome == "repaired" for finding in report.findings)
    orphans = len(report.orphans or ())
    lines.append(
        f"{report.checked} stored files were checked, {report.size / 1e6:,.1f} MB. "
        + (f"Not right: {wrong}; repaired: {repaired}." if wrong else "All are right.")
        + (f" In no table: {orphans}; `localshop sweep` removes them." if orphans else "")
    )
    return "\n".join(lines)


def _line(finding: Finding) -> str:
    files = cell(list(finding.files)) if finding.files else "no file has it"
    return f"{finding.outcome}  {finding.sha256}  {files}\n    {cell(finding.sentence)}"


def _shape(finding: Finding) -> Shape:
    return {key: value for key, value in asdict(finding).items() if key != "blob"}


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0
    if not 0 < rate < 1e9:
        raise ArgumentTypeError(f"{text!r} is no number of megabytes a second")
    return rate
