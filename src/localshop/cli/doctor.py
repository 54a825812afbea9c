"""``localshop doctor``: explains what is wrong with this installation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from localshop import config
from localshop.cli.checkup import check_machine
from localshop.cli.checkup_kept import check_database, check_kept, check_repositories
from localshop.cli.checkup_upstreams import check_upstreams
from localshop.cli.diagnosis import Diagnosis
from localshop.cli.output import LocalshopCommand, Shape, cell


class Command(LocalshopCommand):
    """Looks at everything that can be wrong; changes nothing."""

    help = "explain what is wrong with this installation"

    def handle(self, *_args: object, **options: Any) -> None:
        """Look, tell, and end with 1 if there is a problem."""
        found = list(_look())
        shapes = [_shape(one) for one in found]
        self.show(options, shapes, "\n".join(_line(one) for one in found))
        if any(one.level == "problem" for one in found):
            sys.exit(1)


def _look() -> Iterator[Diagnosis]:
    settings = config.current()
    yield from check_machine(settings)
    if not settings.home.exists():
        return
    database = list(check_database(settings))
    yield from database
    if any(one.level == "problem" for one in database):
        return
    yield from check_kept(settings)
    repositories, problems = check_repositories()
    yield from problems
    yield from check_upstreams(settings, repositories)


def _line(one: Diagnosis) -> str:
    advice = f"\n         {cell(one.advice)}" if one.advice else ""
    return f"{one.level:7}  {one.slug}: {cell(one.sentence)}{advice}"


def _shape(one: Diagnosis) -> Shape:
    return {"level": one.level, "slug": one.slug, "sentence": one.sentence, "advice": one.advice}
