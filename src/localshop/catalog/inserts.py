"""Rows that a first installation inserts by the hundred, each by one statement that is built once.

For a row or two Django's ORM builds the statement anew each time, which takes ten times as long as the
database does. What the row has by itself, such as its defaults, comes from the model all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection, models


def insert(row: models.Model) -> bool:
    """Insert a row, which gets its id; False: there is one already that it must not stand beside."""
    values = _values(row)
    with connection.cursor() as cursor:
        cursor.execute(_statement(type(row), ()), values)
        found = cursor.fetchone()
    if found is None:
        return False
    row.pk = found[0]
    return True


def insert_or_replace(row: models.Model, *, unique: Sequence[str], only: str = "") -> bool:
    """Insert a row, or have the one with the same ``unique`` fields (attributes) say what it says.

    ``only``: a condition on the row that is there, as ``old``, and the one that comes, as ``excluded``.
    False: it does not hold, and nothing was changed.
    """
    values = _values(row)
    with connection.cursor() as cursor:
        cursor.execute(_statement(type(row), tuple(unique), only), values)
        return cursor.fetchone() is not None


def _values(row: models.Model) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in _fields(type(row))]


@cache
def _fields(model: type[models.Model]) -> tuple[Any, ...]:
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key)


@cache
def _statement(model: type[models.Model], unique: tuple[str, ...], only: str = "") -> str:
    columns = [field.column for field in _fields(model)]
    marks = ", ".join(["%s"] * len(columns))
    conflict = "DO NOTHING"
    if unique:
        new = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in unique)
        where = f" WHERE {only}" if only else ""
        conflict = f"({', '.join(unique)}) DO UPDATE SET {new}{where}"
    table = model._meta.db_table
    return (
        f"INSERT INTO {table} AS old ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 -- of the model alone.
        f" ON CONFLICT {conflict} RETURNING {model._meta.pk.column}"
    )
