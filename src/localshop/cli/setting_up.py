"""Sets up a home: files, tables, the first repository, the first administrator, the first networks."""

from __future__ import annotations

import contextlib
import os
import secrets
import string
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction

from localshop.catalog import migrating, networks, people, repositories, schema
from localshop.config import Config
from localshop.config.addresses import host_and_port
from localshop.config.alone import alone
from localshop.config.reference import conf_template

FIRST_USER = "admin"
_LETTERS = string.ascii_letters + string.digits
# The one in the repository's root is the same.
_PROCFILE = "web: localshop run_gunicorn\nworker: localshop celeryd -B -E\n"


@dataclass(frozen=True, slots=True)
class InitReport:
    """What was set up; ``created`` False: everything was there already and nothing was changed."""

    home: Path
    index_url: str
    username: str
    """The first administrator."""
    password: str | None = field(repr=False)
    """Made up just now and kept nowhere; None: it was given, or nothing was made."""
    weakness: str
    """Why the password that was given is a weak one; empty: it is not."""
    created: bool


def initialise(config: Config, *, username: str | None = None, password: str | None = None) -> InitReport:
    """Set up the home and the database of ``config``, or say that they are.

    The first password is ``password``, else ``LOCALSHOP_ADMIN_PASSWORD``, else a random one. Safe
    when several do it at once on one home. The secret key must be in ``config`` already. Raises
    ``BadInput`` for a malformed ``username``; the next call then goes on where this one stopped.
    """
    config.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(config.home):
        schema.ensure_not_restoring(config.home)
        write_files(config.home)
        if not schema.is_initialised():
            # Others, on other machines, may be at the same database.
            with migrating.alone():
                if not schema.is_initialised():
                    migrating.migrate()
                    return _first_rows(config, username or FIRST_USER, password or config.admin_password)
        name = people.first_administrator() or ""
        return InitReport(config.home, index_url(config), name, None, weakness="", created=False)


def write_files(home: Path) -> None:
    """Write the files of a home that people edit, unless they are there."""
    _write_new(home / "localshop.conf.py", conf_template())
    _write_new(home / "Procfile", _PROCFILE)


def index_url(
    config: Config, *, slug: str = repositories.DEFAULT, bind: str | None = None, userinfo: str = ""
) -> str:
    """Give the URL for ``pip install -i``; ``bind`` is where we listen, unless as in the settings."""
    host, port = host_and_port(bind or config.bind)
    # Where we listen on every address, only this machine's own is known to lead here.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    bound = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    scheme, origin = (config.public_url or f"http://{bound}").split("://", 1)
    at = f"{userinfo}@" if userinfo else ""
    return f"{scheme}://{at}{origin}{config.mount_path}/repo/{slug}/"


def random_password() -> str:
    """Make up a password of 119 bits that can be typed, and selected with a double click."""
    return "".join(secrets.choice(_LETTERS) for _ in range(20))


def _first_rows(config: Config, username: str, given: str) -> InitReport:
    made = None if given else random_password()
    # All or nothing: the repository is what tells that this came to its end.
    with transaction.atomic():
        user = people.create_user(username, password=made or given, administrator=True)
        repositories.create_repository(
            repositories.DEFAULT,
            upstreams=[config.upstream_url],
            networks=networks.FIRST_NETWORKS,
            changes={"fresh": config.fresh_seconds, "overwrite": config.release_overwrite},
        )
    weakness = people.weakness(user.username, given) if given else ""
    return InitReport(config.home, index_url(config), username, made, weakness=weakness, created=True)


def _write_new(path: Path, text: str) -> None:
    """Write a file for its owner only, unless there is one: that is his."""
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
