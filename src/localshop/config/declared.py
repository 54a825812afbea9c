"""The declarations: each setting once, with its type, its default and what it is for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote, urlsplit

from localshop.config import kinds
from localshop.config.kinds import Kind, Network
from localshop.config.secret import MINIMUM_LENGTH, is_strong
from localshop.errors import BadSetting

T = TypeVar("T")
PREFIX = "LOCALSHOP_"


@dataclass(frozen=True, slots=True)
class Derived(Generic[T]):
    """A default that depends on the home or the machine; ``says`` is what the reference page tells of it."""

    says: str
    make: Callable[[Path], T]


@dataclass(frozen=True, slots=True)
class Setting:
    """One declaration, as ``SETTINGS`` lists them. ``attribute`` is its name in ``Config``."""

    attribute: str
    kind: Kind[Any]
    default: Any
    about: str
    example: object
    secret: bool

    @property
    def name(self) -> str:
        """``LOCALSHOP_…``."""
        return PREFIX + self.attribute.upper()

    def default_in(self, home: Path) -> object:
        """Give the value that holds when nobody sets one."""
        return self.default.make(home) if isinstance(self.default, Derived) else self.default

    def read(self, value: object, *, source: str) -> object:
        """Parse what stands in ``source``; raises ``BadSetting``.

        Empty text means none, where none is the default.
        """
        if value == "" == self.default:
            return ""
        try:
            return self.kind.parse(value)
        except ValueError:
            raise BadSetting(
                f"{self.name} in {source} is {self._shown(value)}; it must be {self.kind.wanted}."
            ) from None

    def _shown(self, value: object) -> str:
        if not self.secret:
            return repr(value)
        # Of a secret at most the harmless part of a URL is told: the sentence ends up in logs.
        if isinstance(value, str) and (
            found := re.fullmatch(r"([\w+.-]{1,20}://)(?:.*@)?([^@?]*)(?:\?.*)?", value)
        ):
            return repr(f"{found[1]}***@{found[2]}" if "@" in value else f"{found[1]}{found[2]}")
        return "not what it should be (a secret, so not shown)"


def _setting(
    kind: Kind[T], default: T | Derived[T], about: str, *, example: object = None, secret: bool = False
) -> T:
    metadata = {"kind": kind, "default": default, "about": about, "example": example, "secret": secret}
    return cast("T", field(repr=not secret, metadata=metadata))


def _sqlite_in(home: Path) -> str:
    return f"sqlite:///{quote(str(home / 'localshop.sqlite3'))}"


def _pypi(_home: Path) -> str:
    # PyPI's address stands in no file of ours; this one is kept by the Python Packaging Authority.
    # Only a process that needs the default pays for the import.
    from distlib.index import DEFAULT_INDEX  # type: ignore[import-untyped]  # noqa: PLC0415

    parts = urlsplit(DEFAULT_INDEX)
    return f"{parts.scheme}://{parts.netloc}/simple/"


def _workers(_home: Path) -> int:
    return min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _secret_key() -> Kind[str]:
    def parse(value: object) -> str:
        if not isinstance(value, str) or (value and not is_strong(value)):
            raise ValueError
        return value

    return Kind(
        f"a random text of at least {MINIMUM_LENGTH} characters (`openssl rand -base64 48` makes one)", parse
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of one home, parsed. Secret ones do not appear in its ``repr``."""

    home: Path
    """Where everything is kept; absolute."""

    database_url: str = _setting(
        kinds.database_url(),
        Derived("the SQLite file `localshop.sqlite3` in the home", _sqlite_in),
        "The database. SQLite does for one machine; several machines need PostgreSQL.",
        example="postgresql://localshop:password@localhost/localshop",
        secret=True,
    )
    broker_url: str = _setting(
        kinds.url(),
        "",
        "The broker of Celery, for those who use it. Without one, jobs run in `localshop serve` or "
        "`localshop worker`.",
        example="redis://localhost:6379/0",
        secret=True,
    )
    upstream_url: str = _setting(
        kinds.index_url(),
        Derived("PyPI", _pypi),
        "The index that `localshop init` gives to the repository `default` as its upstream. It may carry "
        "credentials.",
        example="https://index.example.com/simple/",
        secret=True,
    )
    fresh_seconds: int = _setting(
        kinds.integer(0, 31_536_000),
        600,
        "For how many seconds a page of an upstream is served without asking the upstream again. A "
        "repository can have its own number.",
    )
    distribution_storage: str = _setting(
        kinds.storage_class(),
        "localshop.storage.disk.DiskStorage",
        "The Django storage class that keeps the files of packages. Ours keeps them on disk, in the "
        "directory `files` of the home.",
        example="storages.backends.s3.S3Storage",
    )
    storage_options: Mapping[str, object] = _setting(
        kinds.options(),
        Derived("none", lambda _home: {}),
        "What the storage class is made with, by the names of its own arguments. It may hold keys.",
        example={"bucket_name": "packages", "region_name": "eu-central-1"},
        secret=True,
    )
    file_delivery: str = _setting(
        kinds.choice("stream", "redirect"),
        "stream",
        "How clients get files from a storage on another machine: `stream` sends them through localshop, "
        "`redirect` sends the client to the storage with a signed link that is good for ten minutes.",
    )
    accel_location: str = _setting(
        kinds.mount_path(),
        "",
        "The `internal` location of nginx at which it has the directory of stored files. Then nginx sends "
        "them (`X-Accel-Redirect`) to whoever comes through it, which takes LOCALSHOP_TRUSTED_PROXIES.",
        example="/-/stored",
    )
    delete_files: bool = _setting(
        kinds.boolean(),
        False,
        "What deleting a package or a release does with its bytes: false leaves them in the storage, true "
        "deletes them too.",
    )
    release_overwrite: bool = _setting(
        kinds.boolean(),
        False,
        "Whether an upload may replace a file that exists. It is the default for new repositories.",
    )
    max_upload_size: int = _setting(
        kinds.size(), 4 << 30, "The largest file that may be uploaded.", example="4GiB"
    )
    mirror_size: int = _setting(
        kinds.limit(),
        Derived("none", lambda _home: 0),
        "How much room mirrored files may take. Once an hour those that were not used for longest make room; "
        "they are fetched again when somebody asks for them, and private files never go.",
        example="100GiB",
    )
    bind: str = _setting(kinds.bind(), "127.0.0.1:8000", "The address that `localshop serve` listens on.")
    workers: int = _setting(
        kinds.integer(1, 256),
        Derived("the number of cores, at most 4", _workers),
        "How many web processes `localshop serve` starts.",
        example=2,
    )
    allowed_hosts: tuple[str, ...] = _setting(
        kinds.hosts(),
        ("*",),
        "The host names under which the web interface answers. The index ignores the Host header.",
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        kinds.networks(),
        (),
        "The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. From anybody else these "
        "headers are ignored.",
    )
    mount_path: str = _setting(
        kinds.mount_path(),
        "",
        "The path below which a proxy shows localshop, when that is not the root of a host.",
        example="/packages",
    )
    public_url: str = _setting(
        kinds.origin(),
        "",
        "Scheme and host under which clients reach localshop. With https, cookies are sent over TLS only and "
        "pages announce attestations.",
        example="https://packages.example.com",
    )
    http_proxy: str = _setting(
        kinds.url("http", "https"),
        "",
        "The proxy through which upstreams are reached.",
        example="http://proxy.example.com:3128",
        secret=True,
    )
    offline: bool = _setting(
        kinds.boolean(),
        False,
        "Whether no upstream is ever asked, and everything is answered from what is here.",
    )
    advisories_url: str = _setting(
        kinds.url("http", "https"),
        "",
        "Where the zip of all advisories about PyPI is, as OSV publishes it. With it they are looked at anew "
        "every hour; without one, only `localshop advisories import` brings them.",
        example="https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip",
        secret=True,
    )
    alarm_webhook_url: str = _setting(
        kinds.url("http", "https"),
        "",
        "Where alarms are posted as JSON, with a `text` that Slack and Mattermost show.",
        example="https://chat.example.com/hooks/localshop",
        secret=True,
    )
    email_url: str = _setting(
        kinds.email_url(),
        "",
        "The server that sends our mail; without one none is sent. `smtp` with a user name insists on "
        "STARTTLS, `smtps` is TLS from the start, `console:` prints.",
        example="smtp://user:password@mail.example.com:587",
        secret=True,
    )
    secret_key: str = _setting(
        _secret_key(),
        Derived("what `localshop init` wrote to the file `secret_key` in the home", lambda _home: ""),
        "The key that signs sessions and seals the passwords of upstreams. Nodes that share a database "
        "need the same one.",
        example="",  # Whatever stood here would be used by somebody.
        secret=True,
    )
    admin_password: str = _setting(
        kinds.text(),
        "",
        "The password that `localshop init` gives to the first administrator. Without one it makes a random "
        "one and prints it once.",
        secret=True,
    )
    metrics_token: str = _setting(
        kinds.text(),
        "",
        "The bearer token that opens `/-/metrics` for a monitoring system. Without one only administrators "
        "see it.",
        secret=True,
    )
    downloads_kept_days: int = _setting(
        kinds.integer(0, 36_500),
        365,
        "For how many days it is kept who downloaded what, and from which address. 0: it is not written "
        "down at all.",
    )
    log_level: str = _setting(
        kinds.choice("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "The least severity that is logged."
    )
    log_format: str = _setting(
        kinds.choice("text", "json"), "text", "Log lines for people, or one JSON object a line for machines."
    )

    library_settings: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)
    """Other upper-case names of the file, for the library of the storage: ``AWS_STORAGE_BUCKET_NAME`` …"""

    warnings: tuple[str, ...] = ()
    """Sentences for the administrator; the start goes on."""


SETTINGS = tuple(Setting(one.name, **one.metadata) for one in fields(Config) if one.metadata)
"""All declarations, in the order in which they are explained."""
