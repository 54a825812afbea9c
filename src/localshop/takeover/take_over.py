"""Takes over a home of the old localshop that was set aside: rights first, then the files, then a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from localshop.catalog import repositories
from localshop.config import Config
from localshop.config.declared import SETTINGS
from localshop.errors import BadInput
from localshop.storage.stores import Store
from localshop.takeover import home as homes
from localshop.takeover.bytes import OldBytes
from localshop.takeover.old import Old, opened
from localshop.takeover.packages import take_packages
from localshop.takeover.report import Report
from localshop.takeover.rights import take_rights
from localshop.takeover.settings import remarks

_PYPI = next(one for one in SETTINGS if one.attribute == "upstream_url")


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What there was, what became of it, and where that is written."""

    found: str
    report: Report
    path: Path


def found_in(home: Path) -> str:
    """What an old home has, in a sentence."""
    with opened(homes.database_of(home)) as old:
        return _found(old)


def take_over(config: Config, store: Store, *, now: datetime, tell: Callable[[int, int], None]) -> TakenOver:
    """Take everything over that can be; the tables are there, and empty unless this was cut before.

    Harmless when it is done again. Nothing of the old home is changed.
    """
    home = config.home
    settings = homes.settings_of(home)
    with opened(homes.database_of(home)) as old:
        found = _found(old)
        if repositories.is_there(repositories.DEFAULT):
            noted = homes.noted_rights(home)
            if noted is None:
                raise BadInput(
                    "The database of LOCALSHOP_DATABASE_URL has a localshop already, which nothing is added "
                    "to. Name an empty one."
                )
            report = noted
        else:
            report = Report(remarks=remarks(settings))
            with transaction.atomic():
                take_rights(old, settings, config, report)
                homes.note_rights(home, report)
        source = OldBytes(homes.files_of(home), elsewhere=settings.storage is not None)
        pypi = str(_PYPI.default_in(home))
        take_packages(old, store=store, source=source, pypi=pypi, report=report, now=now, tell=tell)
    path = homes.finish(home, "\n".join([found, *report.lines()]) + "\n")
    return TakenOver(found, report, path)


def _found(old: Old) -> str:
    local = sum(bool(row["is_local"]) for row in old.rows("packages_package"))
    age = "2.0 or newer" if old.has_repositories else "before 2.0"
    several = f"{len(old.rows('packages_repository'))} repositories, " if old.has_repositories else ""
    return (
        f"This is the home of the old localshop ({age}): {several}{len(old.users())} users, "
        f"{len(old.rows('packages_package'))} packages, {local} of them private, with "
        f"{len(old.rows('packages_releasefile'))} files; {len(old.rows('permissions_cidr'))} networks, "
        f"{len(old.rows('permissions_credential')) + len(old.rows('accounts_accesskey'))} credentials."
    )
