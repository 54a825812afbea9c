"""The reads of the hot path on PostgreSQL: one query for all requests that wait together."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from itertools import chain
from typing import Any

import psycopg
from django.db import OperationalError

from .reads import Record, Row, _Rows

_TYPES = ("bigint[]", "text[]", "text[]")


class PostgresqlReads(_Rows):
    """Coalesced reads on one connection.

    A read waits for a query that starts after it was asked for; all that wait share it. So there
    is at most one query under way, whatever the load, and none ever answers with older data.
    """

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._parameters = {
            key: value for key, value in parameters.items() if key not in {"cursor_factory", "context"}
        }
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._waiting: dict[str, list[tuple[tuple[Any, ...], asyncio.Future[Row]]]] = defaultdict(list)
        self._task: asyncio.Task[None] | None = None

    async def _one(self, statement: str, asked: tuple[Any, ...], record: Callable[[Row], Record]) -> Record:
        future: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
        self._waiting[statement].append((asked, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._answer_all())
        return record(await future)

    async def _answer_all(self) -> None:
        while self._waiting:
            statement, waiting = self._waiting.popitem()
            try:
                rows = await self._query(statement, [asked for asked, _ in waiting])
            except asyncio.CancelledError:
                for _, future in chain(waiting, *self._waiting.values()):
                    future.cancel()
                raise
            except Exception as error:  # noqa: BLE001 -- each of those that wait gets it.
                away = isinstance(error, psycopg.OperationalError)
                for _, future in waiting:
                    if not future.done():
                        # As the ORM would raise it.
                        future.set_exception(OperationalError(str(error)) if away else error)
                continue
            for (_, future), row in zip(waiting, rows, strict=True):
                if not future.done():
                    future.set_result(row)

    async def _query(self, statement: str, asked: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        columns = list(zip(*asked, strict=True))
        names = "xyz"[: len(columns)]
        arrays = ", ".join(f"%s::{kind}" for kind in _TYPES[: len(columns)])
        source = f"unnest({arrays}) WITH ORDINALITY AS a({', '.join(names)}, place)"
        sql = statement.format(asked=source) + " ORDER BY a.place"
        values = [list(column) for column in columns]
        try:
            return await self._execute(sql, values)
        except psycopg.OperationalError:
            # The server went away, or was restarted: once more on a new connection.
            await self._disconnect()
            return await self._execute(sql, values)

    async def _execute(self, sql: str, values: list[list[Any]]) -> list[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(**self._parameters, autocommit=True)
        cursor = await self._connection.execute(sql, values)
        return await cursor.fetchall()

    async def close(self) -> None:
        # Who asked may have been cancelled, but not the query: it would open a connection once more,
        # or be left with one that is being made.
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._disconnect()

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
