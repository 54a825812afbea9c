"""Which function does which job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from localshop.catalog.alarms import MAIL, WEBHOOK
from localshop.catalog.attestations import VERIFY
from localshop.catalog.inspections import INSPECT
from localshop.catalog.readmes import RENDER
from localshop.mirror.errands import REFRESH_PAGE
from localshop.mirror.file import MIRROR_FILE
from localshop.shop import Shop

from .import_advisories import IMPORT_ADVISORIES, import_advisories
from .inspect_file import inspect_file
from .mirror_file import mirror_file
from .refresh_page import refresh_page
from .render_readme import render_readme
from .sweep import SWEEP, sweep_mirrored
from .tell_alarms import tell_by_mail, tell_webhook
from .tidy import TIDY, tidy
from .verify_attestations import verify_attestations

Job = Callable[[Shop, Mapping[str, Any]], Awaitable[None]]
"""A job may be begun again after it was cut anywhere, so doing it twice must be harmless."""

PERIODIC: Mapping[str, int] = {TIDY: 3600, SWEEP: 3600, IMPORT_ADVISORIES: 3600}
"""Jobs that come back by themselves, with the seconds between two times."""

_HERE: Mapping[str, Job] = {
    TIDY: tidy,
    SWEEP: sweep_mirrored,
    RENDER: render_readme,
    VERIFY: verify_attestations,
    INSPECT: inspect_file,
    WEBHOOK: tell_webhook,
    MAIL: tell_by_mail,
}
_UPSTREAM: Mapping[str, Job] = {
    MIRROR_FILE: mirror_file,
    REFRESH_PAGE: refresh_page,
    IMPORT_ADVISORIES: import_advisories,
}


def jobs(*, offline: bool) -> Mapping[str, Job]:
    """The jobs that can be done. Those that need an upstream wait as long as none may be asked."""
    return _HERE if offline else {**_HERE, **_UPSTREAM}
