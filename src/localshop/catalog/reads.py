"""What the hot path reads of the database: a few hand-written statements, on the event loop.

A read on SQLite costs a few microseconds, less than handing it to a thread, so it is made inline on
a read-only connection of its own; what was read is kept until somebody commits something. On
PostgreSQL all requests that wait in the same turn of the loop share one query. Either way a read, or
the look whether anything has changed, starts after its request arrived, so it sees every change that
was acknowledged before, by whichever process.

Each statement carries the access generation along, so that rights and data are of one moment.
"""

from __future__ import annotations

import asyncio
import sqlite3
import zlib
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from typing import Any, NamedTuple, Protocol, TypeVar

from django.conf import settings
from django.db import OperationalError, connection

from .patience import PATIENCE
from .wal_index import WalIndex, wal_index

_MOST_KEPT = 1000
_LONGEST_KEPT = 16 << 10
"""Bytes of a METADATA that is kept in memory."""

Row = Sequence[Any]
Record = TypeVar("Record")


class Token(NamedTuple):
    """What decides whether a page in memory may be served; ``id`` 0: the project has no row."""

    access: int
    id: int
    kind: str
    serial: int
    fresh_until: float
    arrivals: int
    listed: bool


class PageRow(NamedTuple):
    """A rendered page; ``body`` is gzip."""

    serial: int
    recipe: str
    good_from: float
    good_until: float | None
    digest: str
    body: bytes


class FileRow(NamedTuple):
    """A file that was wanted; ``blob`` is what the storage calls its bytes, empty: not here.

    ``size`` is in bytes, 0: not known. ``serial`` is the project's.
    """

    access: int
    id: int
    project_id: int
    project: str
    kind: str
    serial: int
    state: str
    blob: str
    sha256: str
    size: int


class MetadataRow(NamedTuple):
    """The METADATA of a wheel that is held."""

    access: int
    project_id: int
    project: str
    kind: str
    serial: int
    sha256: str
    body: bytes


class Reads(Protocol):
    """The reads of the hot path; all see what was committed before they were called."""

    async def token(self, repository_id: int, name: str) -> Token:
        """The state of a project's page, and the access generation."""

    async def page(self, project_id: int, form: str) -> PageRow | None:
        """The rendered page of a project."""

    async def file(self, repository_id: int, path: str, filename: str) -> FileRow:
        """The file of a URL; ``id`` 0: no row."""

    async def metadata(self, repository_id: int, path: str, filename: str) -> MetadataRow:
        """The METADATA of the wheel of a URL; an empty ``sha256``: not held."""

    async def close(self) -> None:
        """Give the connection back."""


_STATE = "(SELECT s.access FROM catalog_state s WHERE s.id = 1)"
_TOKEN = f"""
    SELECT {_STATE}, p.id, p.kind, p.serial, p.fresh_until, p.arrivals, p.listed
    FROM {{asked}} LEFT JOIN catalog_project p ON p.repository_id = a.x AND p.name = a.y
"""  # noqa: S608 -- only constants are put in.
_PAGE = """
    SELECT g.serial, g.recipe, g.good_from, g.good_until, g.digest, g.body
    FROM {asked} LEFT JOIN catalog_shelvedpage g ON g.project_id = a.x AND g.form = a.y
"""
_FILE = f"""
    SELECT {_STATE}, f.id, p.id, p.name, p.kind, p.serial,
        f.state, b.name, coalesce(b.sha256, f.sha256), coalesce(b.size, f.size)
    FROM {{asked}}
    LEFT JOIN catalog_file f ON f.repository_id = a.x AND f.path = a.y AND f.filename = a.z
    LEFT JOIN catalog_project p ON p.id = f.project_id
    LEFT JOIN catalog_blob b ON b.id = f.blob_id
"""  # noqa: S608
_METADATA = f"""
    SELECT {_STATE}, p.id, p.name, p.kind, p.serial, m.sha256, m.body
    FROM {{asked}}
    LEFT JOIN catalog_coremetadata m ON m.repository_id = a.x AND m.path = a.y AND m.filename = a.z
    LEFT JOIN catalog_project p ON p.id = m.project_id
"""  # noqa: S608


def open_reads() -> Reads:
    """The reads for the database of the settings; call it on the loop that will use them."""
    if connection.vendor == "sqlite":
        return SqliteReads(str(settings.DATABASES["default"]["NAME"]))
    from .reads_postgresql import PostgresqlReads  # noqa: PLC0415 -- psycopg is an optional extra.

    return PostgresqlReads(connection.get_connection_params())


class _Rows:
    """Asks either database for the records above."""

    async def _one(self, statement: str, asked: tuple[Any, ...], record: Callable[[Row], Record]) -> Record:
        raise NotImplementedError

    def token(self, repository_id: int, name: str) -> Coroutine[Any, Any, Token]:
        return self._one(_TOKEN, (repository_id, name), _token)

    def page(self, project_id: int, form: str) -> Coroutine[Any, Any, PageRow | None]:
        return self._one(_PAGE, (project_id, form), _page)

    def file(self, repository_id: int, path: str, filename: str) -> Coroutine[Any, Any, FileRow]:
        return self._one(_FILE, (repository_id, path, filename), _file)

    def metadata(self, repository_id: int, path: str, filename: str) -> Coroutine[Any, Any, MetadataRow]:
        return self._one(_METADATA, (repository_id, path, filename), _metadata)


def _token(row: Row) -> Token:
    return Token._make(row) if row[1] is not None else Token(row[0], 0, "", 0, 0.0, 0, False)


def _page(row: Row) -> PageRow | None:
    return PageRow._make((*row[:5], bytes(row[5]))) if row[0] is not None else None


def _file(row: Row) -> FileRow:
    if row[1] is None:
        return FileRow(row[0], 0, 0, "", "", 0, "", "", "", 0)
    return FileRow._make((*row[:7], row[7] or "", row[8] or "", row[9] or 0))


def _metadata(row: Row) -> MetadataRow:
    if row[5] is None:
        return MetadataRow(row[0], 0, "", "", 0, "", b"")
    return MetadataRow._make((*row[:6], zlib.decompress(row[6])))


class SqliteReads(_Rows):
    """Inline reads on one read-only connection; in a thread only when the file is locked.

    What was read is kept until anybody commits anything.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection = self._open(busy=0.05)
        self._statements: dict[str, str] = {}
        self._index: WalIndex | None = None
        self._looked_for_index = False
        self._head = b""
        """That of the index when the records that are kept were read, or before."""
        self._kept: dict[tuple[str, tuple[Any, ...]], Any] = {}

    async def _one(self, statement: str, asked: tuple[Any, ...], record: Callable[[Row], Record]) -> Record:
        kept: Record | None = self._kept_now().get((statement, asked))
        if kept is not None:
            return kept
        sql = self._statements.get(statement)
        if sql is None:
            names = ", ".join(f"? AS {name}" for name in "xyz"[: len(asked)])
            sql = self._statements[statement] = statement.format(asked=f"(SELECT {names}) a")
        try:
            found = record(self._connection.execute(sql, asked).fetchone())
        except sqlite3.OperationalError:
            # A recovery or the restart of a checkpoint: rare, and no reason to hold up the loop.
            return record(await asyncio.to_thread(self._patiently, sql, asked))
        # Not when it was waited for: it could be older by now than the head.
        self._keep((statement, asked), found)
        return found

    def _kept_now(self) -> dict[tuple[str, tuple[Any, ...]], Any]:
        """The records that are still what the database has."""
        if self._index is not None:
            head = self._index.head()
            if head != self._head:
                self._head = head
                self._kept.clear()
        return self._kept

    def _keep(self, key: tuple[str, tuple[Any, ...]], found: object) -> None:
        if not self._looked_for_index:
            # It is there since this first read.
            self._looked_for_index, self._index = True, wal_index(self._path)
        elif self._head and not isinstance(found, PageRow):
            if isinstance(found, MetadataRow) and len(found.body) > _LONGEST_KEPT:
                return
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = found

    def _patiently(self, sql: str, asked: tuple[Any, ...]) -> Row:
        try:
            with closing(self._open(busy=PATIENCE)) as patient:
                row: Row = patient.execute(sql, asked).fetchone()
                return row
        except sqlite3.OperationalError as error:
            # As the ORM would raise it.
            raise OperationalError(str(error)) from error

    def _open(self, *, busy: float) -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{self._path}?mode=ro",
            uri=True,
            timeout=busy,
            isolation_level=None,
            check_same_thread=False,
        )

    async def close(self) -> None:
        self._index = None
        self._connection.close()
