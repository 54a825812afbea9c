"""``localshop sweep``: frees space."""

from __future__ import annotations

import asyncio
from argparse import ArgumentTypeError
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from localshop import config
from localshop.cli.output import LocalshopCommand
from localshop.config import kinds
from localshop.mirror.sweep import Swept, sweep
from localshop.shop import open_shop

_SIZE = kinds.size()


class Command(LocalshopCommand):
    """Removes what nobody needs any more, and mirrored files until they take no more than allowed."""

    help = "free space: what is in no table, and mirrored files beyond a size limit"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument(
            "--size",
            type=_size,
            metavar="SIZE",
            help="how much mirrored files may take, such as 100GiB; LOCALSHOP_MIRROR_SIZE if not given",
        )
        parser.add_argument("--dry-run", action="store_true", help="remove nothing, tell what would go")

    def handle(self, *_args: object, **options: Any) -> None:
        """Sweep, and tell what went."""
        limit = options["size"] or config.current().mirror_size or None
        swept = asyncio.run(_sweep(limit, dry_run=options["dry_run"]))
        shape = {**asdict(swept), "limit": limit, "dry_run": options["dry_run"]}
        self.show(options, shape, _text(swept, dry_run=options["dry_run"]))
        if limit is not None and swept.mirrored > limit:
            self.warn(
                "Mirrored files still take more than they may. The others could not be fetched again: "
                "localshop is offline, their upstream is gone, or their repository refuses to fetch."
            )


async def _sweep(limit: int | None, *, dry_run: bool) -> Swept:
    shop = open_shop(config.current())
    try:
        return await shop.run(sweep, shop, limit=limit, dry_run=dry_run)
    finally:
        await shop.close()


def _text(swept: Swept, *, dry_run: bool) -> str:
    went = "would go" if dry_run else "went"
    return (
        f"Mirrored files that {went}: {swept.evicted}; stored files of no project: "
        f"{swept.unreferenced + swept.orphans}; files that never arrived: {swept.parts}.\n"
        f"{swept.freed / 1e6:,.1f} MB {'would be' if dry_run else 'are'} free again; mirrored files "
        f"{'would then' if dry_run else 'now'} take {swept.mirrored / 1e6:,.1f} MB."
    )


def _size(text: str) -> int:
    try:
        return _SIZE.parse(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not {_SIZE.wanted}") from None
