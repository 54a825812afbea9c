"""What stands in a database URL, a mail URL and a bind address, taken apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Database:
    """A database; ``name`` is the absolute path of the file for SQLite. Empty text: the driver's default."""

    engine: Literal["sqlite", "postgresql"]
    name: str
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: str = ""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail server; no host: mail is written to the console. ``tls`` is how the connection is secured."""

    host: str
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Literal["none", "starttls", "implicit"] = "none"


def database(url: str, *, home: Path) -> Database:
    """Take a database URL apart; a relative SQLite path is one in ``home``. Raises ``ValueError``.

    User, password, host, name and options are percent-decoded, so a socket's directory can be
    the host: ``postgresql://user@%2Frun%2Fpostgresql/name``. Options go to the driver as they are.
    """
    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    if not path or parts.fragment:
        raise ValueError
    if parts.scheme == "sqlite":
        # A database in memory would be another one in every process.
        if parts.netloc or parts.query or path.endswith("/") or path == ":memory:":
            raise ValueError
        return Database("sqlite", str(home / Path(path).expanduser()))
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError
    user, password, host, port = _netloc(parts.netloc)
    options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    return Database("postgresql", path, user, password, host, port, options)


def mail(url: str) -> Mail:
    """Take a mail URL apart: ``console:``, ``smtp://…`` or ``smtps://…``. Raises ``ValueError``.

    ``smtps`` is TLS from the first byte. ``smtp`` with a user name, or on the submission port
    587, insists on STARTTLS, so that no password crosses the network in clear.
    """
    if url == "console:":
        return Mail("")
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError
    user, password, host, port = _netloc(parts.netloc)
    if not host or parts.scheme not in {"smtp", "smtps"}:
        raise ValueError
    if parts.scheme == "smtps":
        return Mail(host, int(port or 465), user, password, "implicit")
    number = int(port or (587 if user else 25))
    return Mail(host, number, user, password, "starttls" if user or number == 587 else "none")


def host_and_port(address: str) -> tuple[str, int]:
    """Split ``HOST:PORT``, the brackets of an IPv6 address taken off; raises ``ValueError``."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\s:/@\[\]]+)):([0-9]{1,5})", address)
    if not found or int(found[3]) > 65535:
        raise ValueError
    return found[1] or found[2], int(found[3])


def _netloc(netloc: str) -> tuple[str, str, str, str]:
    """User, password, host and port, decoded. ``urlsplit`` itself would put the host in lower case."""
    found = re.fullmatch(
        r"(?:([^:]*)(?::(.*))?@)?(?:\[([0-9A-Fa-f:.]+)\]|([^:@\[\]]*))(?::([0-9]{1,5}))?", netloc
    )
    if not found or int(found[5] or 1) not in range(1, 65536):
        raise ValueError
    user, password, address, host, port = (unquote(part or "") for part in found.groups())
    return user, password, address or host, port
