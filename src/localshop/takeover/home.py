"""The home of the old localshop: recognised, and set aside so that nothing of it is overwritten or lost.

Nothing here knows Django: it runs before the settings can be read, since those in the home are the old ones.

What was there goes to ``old-localshop`` in the home: ``localshop.conf.py`` and the directory ``files`` by
renaming, the database as a copy. Each step can be cut at any point and done again.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from localshop.config.alone import alone
from localshop.errors import BadInput
from localshop.storage.disk import make_directory, sync_file
from localshop.takeover.report import Report
from localshop.takeover.settings import OldSettings, read, translated

ASIDE = "old-localshop"
CONF = "localshop.conf.py"
_DATABASE = "localshop.db"
_FILES = "files"
_UNFINISHED = "unfinished"
_REPORT = "report.txt"
_RIGHTS = "rights.json"
_NEW_DATABASE = "localshop.sqlite3"
_TABLES = {"packages_package", "packages_release", "packages_releasefile"}


def is_old(home: Path) -> bool:
    """Whether this home is one of the old localshop that has not been taken over, or not to the end."""
    aside = home / ASIDE
    if (aside / _UNFINISHED).exists():
        return True
    if (aside / _REPORT).exists() or (home / _NEW_DATABASE).exists():
        return False
    return any(_has_tables(path) for path in _databases(home, home / CONF))


def is_unfinished(home: Path) -> bool:
    """Whether the takeover of this home has begun and not come to its end."""
    return (home / ASIDE / _UNFINISHED).exists()


def set_aside(home: Path) -> None:
    """Make room for a new home in the place of the old one, and write its settings as ours."""
    with alone(home):
        aside = home / ASIDE
        if not is_old(home):
            return
        make_directory(aside)
        settings = read(_conf(home))
        settings.refuse_unknown_database()
        _copy_database(home, aside)
        (aside / _UNFINISHED).touch(mode=0o600)
        _move(home / CONF, aside / CONF)
        if not (home / CONF).exists():
            _write(home / CONF, translated(settings))
        if not _stays(home / _FILES):
            _move(home / _FILES, aside / _FILES)
        sync_file(aside)
        sync_file(home)


def settings_of(home: Path) -> OldSettings:
    """The settings of the old localshop, from where they are now."""
    return read(_conf(home))


def database_of(home: Path) -> Path:
    """The copy of the old database."""
    return home / ASIDE / _DATABASE


def files_of(home: Path) -> Path:
    """Where the files of the old localshop are now."""
    given = settings_of(home).media_root
    if given is not None:
        return home / given
    moved = home / ASIDE / _FILES
    return moved if moved.exists() else home / _FILES


def note_rights(home: Path, report: Report) -> None:
    """Write down what became of the rights; call it just before their transaction ends."""
    _write(home / ASIDE / _RIGHTS, json.dumps(report.shape()))


def noted_rights(home: Path) -> Report | None:
    """What `note_rights` wrote; None: that has not been reached."""
    try:
        return Report.of(json.loads((home / ASIDE / _RIGHTS).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def finish(home: Path, report: str) -> Path:
    """Write the report; from then on this is an ordinary home. Tells where the report is."""
    path = home / ASIDE / _REPORT
    _write(path, report)
    (home / ASIDE / _UNFINISHED).unlink(missing_ok=True)
    return path


def _conf(home: Path) -> Path:
    moved = home / ASIDE / CONF
    return moved if moved.exists() else home / CONF


def _databases(home: Path, conf: Path) -> list[Path]:
    """Where the old database may be: where its settings say, or where it was unless they said so."""
    found = home / _DATABASE
    if found.exists() and _has_tables(found):
        return [found]
    # Settings run code, so they are looked into only when they may say something.
    name = read(conf).sqlite if conf.exists() and b"DATABASES" in conf.read_bytes() else None
    return [home / name] if name is not None else []


def _has_tables(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            if file.read(15) != b"SQLite format 3":
                return False
        # Whatever is in a journal beside it changes no name of a table.
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except (OSError, sqlite3.Error):
        return False
    return {name for (name,) in rows} >= _TABLES


def _copy_database(home: Path, aside: Path) -> None:
    target = aside / _DATABASE
    if target.exists():
        return
    source = next((path for path in _databases(home, _conf(home)) if _has_tables(path)), None)
    if source is None:
        raise BadInput(f"The database of the old localshop is nowhere to be found in {home}.")
    # With what a program that was killed has left beside it, SQLite puts the copy right when it opens it.
    for ending in ("-journal", "-wal"):
        beside = source.with_name(source.name + ending)
        if beside.exists():
            _copy(beside, target.with_name(target.name + ending))
    _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    unfinished = target.with_name(f"{target.name}.copying")
    shutil.copyfile(source, unfinished)
    unfinished.chmod(0o600)
    sync_file(unfinished)
    unfinished.replace(target)


def _move(source: Path, target: Path) -> None:
    if source.exists() and not target.exists():
        source.rename(target)


def _stays(files: Path) -> bool:
    """What is a disk of its own, or a link to one, cannot be moved; names in it are none of ours."""
    return files.is_symlink() or os.path.ismount(files)


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text, encoding="utf-8")
    sync_file(unfinished)
    unfinished.replace(path)
    sync_file(path.parent)
