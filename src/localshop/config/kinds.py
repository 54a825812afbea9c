"""The types that a setting can have, and how each is read from text or from Python."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from localshop.config import addresses

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_UNITS = {"": 1, "B": 1} | {
    f"{letter}{infix}B": base**power
    for power, letter in enumerate("KMGT", start=1)
    for infix, base in (("", 1000), ("I", 1024))
}
_OLD_STORAGES = {"storages.backends.overwrite.OverwriteStorage": "localshop.storage.disk.DiskStorage"}


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A type: ``wanted`` completes "it must be …"; ``parse`` raises ``ValueError`` for anything else."""

    wanted: str
    parse: Callable[[object], T]


def boolean() -> Kind[bool]:
    """``True``, ``False``, or one of the words that stand for them in the environment."""

    def parse(value: object) -> bool:
        try:
            return _BOOLEANS[str(value).strip().lower()]
        except KeyError:
            raise ValueError from None

    return Kind("true or false (or 1/0, yes/no, on/off)", parse)


def integer(low: int, high: int) -> Kind[int]:
    """A whole number from ``low`` to ``high``, both included."""

    def parse(value: object) -> int:
        number = _whole(value)
        if not low <= number <= high:
            raise ValueError
        return number

    return Kind(f"a whole number from {low} to {high}", parse)


def size() -> Kind[int]:
    """A number of bytes: ``4294967296``, ``4GiB``, ``500MB``."""

    def parse(value: object) -> int:
        unit = ""
        if isinstance(value, str) and (found := re.fullmatch(r"([0-9]{1,18})\s*([A-Za-z]*)", value.strip())):
            value, unit = found[1], found[2].upper()
        if unit not in _UNITS or (number := _whole(value)) < 1:
            raise ValueError
        return int(number * _UNITS[unit])

    return Kind("a number of bytes, or a size such as 500MB or 4GiB", parse)


def limit() -> Kind[int]:
    """A size that need not be set: empty text is 0, and means that there is none."""
    sizes = size()

    def parse(value: object) -> int:
        # What was read is read again as it is.
        none = value == "" or (type(value) is int and value == 0)
        return 0 if none else sizes.parse(value)

    return Kind(f"{sizes.wanted}; empty for none", parse)


def text() -> Kind[str]:
    """Any text without control characters."""
    return Kind("text without control characters", _text)


def choice(*choices: str) -> Kind[str]:
    """One of a few words, in any case; given back as declared."""

    def parse(value: object) -> str:
        wanted = _text(value).strip().lower()
        for one in choices:
            if one.lower() == wanted:
                return one
        raise ValueError

    return Kind(f"one of {', '.join(choices)}", parse)


def url(*schemes: str) -> Kind[str]:
    """The URL of a service, of one of ``schemes`` (any when none is given), possibly with credentials."""

    def parse(value: object) -> str:
        address, parts = _url(value)
        if schemes and (parts.scheme not in schemes or not parts.hostname):
            raise ValueError
        return address

    kinds = " or ".join(f"{scheme}://" for scheme in schemes)
    return Kind(f"a URL that begins with {kinds}" if schemes else "a URL such as redis://host:6379/0", parse)


def index_url() -> Kind[str]:
    """The URL of an index, with its slash at the end; the slash is added where it is missing."""

    def parse(value: object) -> str:
        address, parts = _url(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError
        return address if address.endswith("/") else f"{address}/"

    return Kind("the http:// or https:// URL of an index, without query and fragment", parse)


def origin() -> Kind[str]:
    """Scheme, host and port, in lower case and with nothing behind them."""

    def parse(value: object) -> str:
        address, parts = _url(value)
        beyond = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
        if parts.scheme not in {"http", "https"} or not parts.hostname or beyond:
            raise ValueError
        return address.rstrip("/").lower()

    return Kind(
        "scheme and host such as https://packages.example.com (a path goes to LOCALSHOP_MOUNT_PATH)", parse
    )


def email_url() -> Kind[str]:
    """Where mail is handed in; see ``addresses.mail``."""

    def parse(value: object) -> str:
        address = _unbroken(value)
        addresses.mail(address)
        return address

    return Kind("console: or smtp://user:password@host:port or smtps://user:password@host:port", parse)


def database_url() -> Kind[str]:
    """Where the tables are; see ``addresses.database``."""

    def parse(value: object) -> str:
        address = _unbroken(value)
        addresses.database(address, home=Path("/"))
        return address

    return Kind(
        "sqlite:///file (in the home), sqlite:////path/to/file or postgresql://user:password@host/name", parse
    )


def bind() -> Kind[str]:
    """``HOST:PORT``; an IPv6 address stands in brackets."""

    def parse(value: object) -> str:
        address = _unbroken(value)
        addresses.host_and_port(address)
        return address

    return Kind("HOST:PORT such as 127.0.0.1:8000 or [::1]:8000", parse)


def mount_path() -> Kind[str]:
    """The path below which a proxy shows localshop, ``/x`` without a slash at its end, or the empty text."""

    def parse(value: object) -> str:
        path = _text(value).rstrip("/")
        if not re.fullmatch(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)*", path):
            raise ValueError
        return path

    return Kind("a path such as /packages", parse)


def hosts() -> Kind[tuple[str, ...]]:
    """Host names without scheme and port, ``.example.com`` for a domain, ``*`` for any."""

    def parse(value: object) -> tuple[str, ...]:
        names = _texts(value)
        if not all(
            re.fullmatch(r"\*|\.?[A-Za-z0-9_-][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]", name) for name in names
        ):
            raise ValueError
        return names

    return Kind("a list of host names without scheme and port (.example.com for a domain, * for any)", parse)


def networks() -> Kind[tuple[Network, ...]]:
    """IP networks and single addresses."""

    def parse(value: object) -> tuple[Network, ...]:
        return tuple(ipaddress.ip_network(one) for one in _texts(value))

    return Kind(
        "a list of addresses and networks such as 127.0.0.1 or 10.0.0.0/8 (no bits right of the mask)", parse
    )


def storage_class() -> Kind[str]:
    """The dotted path of a Django storage class; one that is gone from its package means ours."""

    def parse(value: object) -> str:
        path = _text(value).strip()
        if "." not in path or not all(part.isidentifier() for part in path.split(".")):
            raise ValueError
        return _OLD_STORAGES.get(path, path)

    return Kind("the dotted path of a Django storage class", parse)


def options() -> Kind[Mapping[str, object]]:
    """Named values: a dictionary in Python, an object of JSON in the environment."""

    def parse(value: object) -> Mapping[str, object]:
        if isinstance(value, str):
            try:
                value = json.loads(value) if value.strip() else {}
            except RecursionError:
                raise ValueError from None
        if not isinstance(value, Mapping) or not all(
            isinstance(name, str) and name.isidentifier() for name in value
        ):
            raise ValueError
        return dict(value)

    return Kind("a JSON object, or a dictionary of Python, whose keys are names", parse)


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
        return int(value)
    raise ValueError


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError
    return value


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part for part in value.split(",") if part.strip()]
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(_text(str(one)).strip() for one in value)
    raise ValueError


def _unbroken(value: object) -> str:
    """Text without white space: ``urlsplit`` would drop a line break in silence."""
    found = _text(value).strip()
    if not found or " " in found:
        raise ValueError
    return found


def _url(value: object) -> tuple[str, SplitResult]:
    address = _unbroken(value)
    parts = urlsplit(address)
    if "://" not in address or not parts.scheme or (parts.port is not None and parts.port < 1):
        raise ValueError
    return address, parts
