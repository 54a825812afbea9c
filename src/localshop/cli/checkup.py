"""What ``localshop doctor`` looks at without the database: the machine, the home, the settings."""

from __future__ import annotations

import os
import platform
import pwd
import stat
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import django

from localshop import __version__
from localshop.access.gate import UNTOLD_PROXY
from localshop.cli.diagnosis import Diagnosis
from localshop.config import Config
from localshop.config.secret import FILE_NAME as SECRET_KEY

_WEEK = 7 * 86_400
_LOOPBACK = (ip_address("127.0.0.1"), ip_address("::1"))


def check_machine(config: Config) -> Iterator[Diagnosis]:
    """Look at everything here, one after the other."""
    python = platform.python_version()
    yield Diagnosis(
        "ok", "versions", f"localshop {__version__}, Python {python}, Django {django.get_version()}."
    )
    for sentence in config.warnings:
        yield Diagnosis("note", "setting-ignored", sentence, "Correct its name, or take it away.")
    yield from _check_home(config)
    yield from _check_proxies(config)
    if config.offline:
        advice = "To ask upstreams again, take LOCALSHOP_OFFLINE away and restart."
        yield Diagnosis("note", "offline", "localshop is offline: no upstream is ever asked.", advice)


def _check_home(config: Config) -> Iterator[Diagnosis]:
    home = config.home
    try:
        found = home.stat()
    except FileNotFoundError:
        advice = "Run `localshop init`, or set LOCALSHOP_HOME to where it is."
        yield Diagnosis("problem", "not-set-up", f"There is no home at {home}.", advice)
        return
    if found.st_uid != os.geteuid():
        yield Diagnosis(
            "problem",
            "home-of-another",
            f"{home} belongs to {_name(found.st_uid)}, and this is {_name(os.geteuid())}.",
            f"Run localshop's commands as {_name(found.st_uid)}: files of two users make each other's "
            "unreadable.",
        )
    exposed = list(_exposed(home))
    yield from exposed
    if not config.secret_key:
        yield Diagnosis(
            "problem",
            "no-secret-key",
            "There is no secret key: sessions end with their process, and passwords of upstreams are lost.",
            f"Bring {home / SECRET_KEY} back from a backup, or run `localshop init`, which makes a new one.",
        )
    elif not exposed:
        yield Diagnosis("ok", "home", f"The home is {home}; nobody else can reach it.")


def _exposed(home: Path) -> Iterator[Diagnosis]:
    """What other users of this machine can reach. Who can write into the home can run his code as us."""
    secrets = [*home.glob("*.py"), *home.glob("*.sqlite3*"), *home.glob(SECRET_KEY)]
    for path in (home, *secrets):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            # Beside a database that is in use, files come and go.
            continue
        if mode & 0o077:
            yield Diagnosis(
                "note" if path == home and not mode & 0o022 else "problem",
                "open-to-others",
                f"{path} has mode {mode:o}: other users of this machine can reach it.",
                f"Say `chmod go= {path}`.",
            )


def _name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"the user with the number {user_id}"


def _check_proxies(config: Config) -> Iterator[Diagnosis]:
    trusted = config.trusted_proxies
    anybody = [str(network) for network in trusted if network.prefixlen == 0]
    if anybody:
        yield Diagnosis(
            "problem",
            "anybody-trusted",
            f"LOCALSHOP_TRUSTED_PROXIES has {', '.join(anybody)}: every client can pretend any address.",
            "Name the addresses of your proxies only.",
        )
    try:
        seen = (config.home / UNTOLD_PROXY).stat().st_mtime
    except FileNotFoundError:
        return
    told = any(address in network for network in trusted for address in _LOOPBACK)
    if not told and abs(time.time() - seen) < _WEEK:
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seen))
        yield Diagnosis(
            "problem",
            "untold-proxy",
            f"Requests came through a proxy on this machine that nobody told localshop of, at about {when}. "
            "The clients' addresses are not known, so credentials are asked of all of them.",
            "If it is yours, set LOCALSHOP_TRUSTED_PROXIES to 127.0.0.1,::1 and restart.",
        )
