"""The settings of the old localshop: what each was, and what it is now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localshop.config.reference import conf_template
from localshop.errors import BadInput

_OURS = "localshop.storage.disk.DiskStorage"
_DISKS = frozenset(
    {
        "storages.backends.overwrite.OverwriteStorage",
        "django.core.files.storage.FileSystemStorage",
        "localshop.utils.OverwriteStorage",
    }
)
_S3 = re.compile(r"storages\.backends\.s3(boto|boto3)?\.")
_PLAIN = (str, int, bool, float)
_SILENT = frozenset(
    {"SECRET_KEY", "DATABASES", "MEDIA_ROOT", "DEBUG", "TEMPLATE_DEBUG", "TIME_ZONE", "LANGUAGE_CODE"}
)


@dataclass(slots=True)
class OldSettings:
    """What stood in the old ``localshop.conf.py``; ``broken``: why it could not be read."""

    names: Mapping[str, Any] = field(default_factory=dict, repr=False)
    broken: str = ""

    @property
    def sqlite(self) -> str | None:
        """Where the SQLite database is, if they say."""
        database = self._database()
        if not str(database.get("ENGINE", "")).endswith("sqlite3"):
            return None
        name = database.get("NAME")
        return str(name) if name else None

    @property
    def media_root(self) -> str | None:
        """Where the files are, if they say."""
        found = self.names.get("MEDIA_ROOT")
        return str(Path(str(found)).expanduser()) if found else None

    @property
    def isolated(self) -> bool:
        """Whether no client was to be sent to an upstream."""
        return bool(self.names.get("LOCALSHOP_ISOLATED"))

    @property
    def overwrites(self) -> bool:
        """Whether somebody wanted that files can be overwritten; it was so unless one said otherwise."""
        return self.names.get("LOCALSHOP_RELEASE_OVERWRITE") is True

    @property
    def storage(self) -> str | None:
        """The class of a storage that is not the disk of this machine."""
        given = self.names.get("LOCALSHOP_DISTRIBUTION_STORAGE") or self.names.get("DEFAULT_FILE_STORAGE")
        if not given or str(given) in _DISKS:
            return None
        return "storages.backends.s3.S3Storage" if _S3.match(str(given)) else str(given)

    def refuse_unknown_database(self) -> None:
        """Raise ``BadInput`` when the old tables are in something else than SQLite."""
        engine = str(self._database().get("ENGINE", ""))
        if engine and not engine.endswith("sqlite3"):
            raise BadInput(
                f"The old localshop has its tables in {engine!r}; only those in SQLite are taken over. Bring "
                "them to an SQLite file `localshop.db` in the home (the old `localshop dumpdata` and "
                "`loaddata`), take DATABASES out of localshop.conf.py, and run `localshop upgrade` again."
            )

    def _database(self) -> Mapping[str, Any]:
        databases = self.names.get("DATABASES")
        found = databases.get("default") if isinstance(databases, dict) else None
        return found if isinstance(found, dict) else {}


def read(path: Path) -> OldSettings:
    """Run the old settings. They were written for another Python, so they may not run any more."""
    names: dict[str, Any] = {"__file__": str(path), "__name__": "localshop_conf"}
    try:
        source = path.read_bytes()
        exec(compile(source, str(path), "exec", dont_inherit=True), names)  # noqa: S102 - the administrator's.
    except FileNotFoundError:
        return OldSettings()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is told.
        return OldSettings(broken=" ".join(f"{type(error).__name__}: {error}".split()))
    return OldSettings({name: value for name, value in names.items() if name.isupper()})


def translated(settings: OldSettings) -> str:
    """Give a ``localshop.conf.py`` for us that means what the old one meant."""
    found = _ours(settings)
    if not found:
        return conf_template()
    lines = [f"{name} = {value!r}" for name, value in found.items()]
    return conf_template() + "\n# Taken over from the old localshop:\n" + "\n".join(lines) + "\n"


def remarks(settings: OldSettings) -> list[str]:
    """What has changed its meaning, or has none any more, in sentences."""
    if settings.broken:
        why = f"The old localshop.conf.py cannot be run by this Python ({settings.broken})"
        return [f"{why}: none of its settings was taken over."]
    names = settings.names
    found = []
    if settings.isolated:
        found.append(
            "LOCALSHOP_ISOLATED is now the miss mode of each repository: all were set to `stream`, so "
            "clients get every file from here and none is sent elsewhere."
        )
    if names.get("LOCALSHOP_USE_PROXIED_IP"):
        found.append(
            "LOCALSHOP_USE_PROXIED_IP is now LOCALSHOP_TRUSTED_PROXIES, which names the proxies that are "
            "believed: it was set to this machine. If your proxy is on another one, name that."
        )
    if "LOCALSHOP_RELEASE_OVERWRITE" not in names:
        found.append(
            "Uploads could overwrite files, unless LOCALSHOP_RELEASE_OVERWRITE said otherwise; now they "
            "cannot, unless `localshop repository edit SLUG --overwrite` allows it."
        )
    if isinstance(proxy := names.get("LOCALSHOP_HTTP_PROXY"), dict) and len(set(proxy.values())) > 1:
        found.append(f"LOCALSHOP_HTTP_PROXY had several proxies; {_proxy(settings)} is the one for all now.")
    if settings.storage is not None:
        found.append(f"The files are kept by {settings.storage}, as before; new ones get new names there.")
    if settings.media_root is not None:
        found.append("MEDIA_ROOT is not used for new files: these are in the directory `files` of the home.")
    dropped = sorted(set(names) - _SILENT - _understood(settings))
    if dropped:
        found.append(f"These settings have no meaning any more and were left out: {', '.join(dropped)}.")
    return found


def _ours(settings: OldSettings) -> dict[str, object]:
    names = settings.names
    found: dict[str, object] = {}
    if names.get("LOCALSHOP_DELETE_FILES"):
        found["LOCALSHOP_DELETE_FILES"] = True
    if settings.overwrites:
        found["LOCALSHOP_RELEASE_OVERWRITE"] = True
    if settings.storage is not None:
        found["LOCALSHOP_DISTRIBUTION_STORAGE"] = settings.storage
    if proxy := _proxy(settings):
        found["LOCALSHOP_HTTP_PROXY"] = proxy
    if names.get("LOCALSHOP_USE_PROXIED_IP"):
        found["LOCALSHOP_TRUSTED_PROXIES"] = ["127.0.0.1", "::1"]
    hosts = names.get("ALLOWED_HOSTS")
    if isinstance(hosts, list | tuple) and hosts and "*" not in hosts:
        found["LOCALSHOP_ALLOWED_HOSTS"] = [str(one) for one in hosts]
    broker = str(names.get("CELERY_BROKER_URL") or names.get("BROKER_URL") or "")
    if re.match(r"(redis|rediss|amqp|amqps|pyamqp)://", broker):
        found["LOCALSHOP_BROKER_URL"] = broker
    # A storage's library looks for its own names in Django's settings.
    kept = {name: value for name, value in names.items() if re.match(r"(AWS|GS|AZURE)_", name)}
    return found | {name: value for name, value in kept.items() if isinstance(value, _PLAIN)}


def _understood(settings: OldSettings) -> set[str]:
    return {
        *_ours(settings),
        *("LOCALSHOP_ISOLATED", "LOCALSHOP_USE_PROXIED_IP", "LOCALSHOP_RELEASE_OVERWRITE"),
        *("LOCALSHOP_DELETE_FILES", "LOCALSHOP_HTTP_PROXY", "LOCALSHOP_DISTRIBUTION_STORAGE"),
        *("DEFAULT_FILE_STORAGE", "ALLOWED_HOSTS", "BROKER_URL", "CELERY_BROKER_URL"),
    }


def _proxy(settings: OldSettings) -> str:
    """One proxy, where the old one had a mapping for its HTTP library."""
    given = settings.names.get("LOCALSHOP_HTTP_PROXY")
    if isinstance(given, dict):
        given = given.get("https") or given.get("http")
    if not isinstance(given, str) or not given:
        return ""
    return given if "://" in given else f"http://{given}"
