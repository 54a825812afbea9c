"""All tables as lines of JSON, the same for every database, and back again.

The first line tells what it is; then, for each table, a line with its name and columns, and a line for
each row; the last one tells how many rows there were. Left out is what makes itself anew, and what has
no meaning elsewhere.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from localshop.errors import BadInput

from . import migrating

FORMAT = 1
_LEFT_OUT = frozenset({"ShelvedPage", "FailedTry", "Hold"})
_BATCH = 500


class Out(Protocol):
    """What a dump is written to."""

    def write(self, data: bytes, /) -> object:
        """Write all of it."""


@dataclass(slots=True)
class Contents:
    """What a dump says of itself: the newest migration of its tables, and the stored files that it names."""

    migration: str
    rows: dict[str, int] = field(default_factory=dict)
    """How many rows there are, by table."""
    blobs: dict[str, int] = field(default_factory=dict)
    """Size (bytes) of each stored file, by SHA-256."""
    names: dict[str, str] = field(default_factory=dict)
    """What its storage called each, by SHA-256."""
    sealed: list[tuple[str, bytes]] = field(default_factory=list)
    """URL and sealed password of each upstream that has one."""


def write(out: Out, *, using: str, beat: Callable[[], None]) -> None:
    """Write all tables as ``using`` sees them; ``beat`` is called every now and then."""
    _line(out, {"localshop": FORMAT, "migration": migrating.newest()})
    total = 0
    for model in _models(apps):
        columns = [one.attname for one in model._meta.concrete_fields]
        encoders = [_encoder(one) for one in model._meta.concrete_fields]
        _line(out, {"table": model._meta.db_table, "columns": columns})
        rows = model._base_manager.using(using).order_by("pk").values_list(*columns)
        for row in rows.iterator(chunk_size=_BATCH):
            _line(out, [encode(value) for encode, value in zip(encoders, row, strict=True)])
            total += 1
            if total % _BATCH == 0:
                beat()
    _line(out, {"rows": total})


def contents(lines: Iterable[bytes]) -> Contents:
    """Read through a dump; raises ``BadInput`` for one that is none, or not whole."""
    read = _read(lines)
    found = Contents(next(read)["migration"])
    for table, row in read:
        found.rows[table] = found.rows.get(table, 0) + 1
        if table == f"{migrating.APP}_blob":
            found.blobs[row["sha256"]] = row["size"]
            found.names[row["sha256"]] = row["name"]
        elif table == f"{migrating.APP}_upstream" and row["password"]:
            found.sealed.append((row["url"], base64.b64decode(row["password"])))
    return found


def load(lines: Iterable[bytes], *, names: Mapping[str, str], passwords: bool) -> None:
    """Put a dump into empty tables, of the migration that it is of, in one transaction.

    ``names`` is what the storage calls each file, by SHA-256; one that it has not is forgotten, as if it
    had vanished. Without ``passwords`` those of upstreams are left out.
    """
    read = _read(lines)
    migration = next(read)["migration"]
    executor = MigrationExecutor(connection)
    models = {
        one._meta.db_table: one
        for one in _models(executor.loader.project_state((migrating.APP, migration)).apps)
    }
    for model in models.values():
        for one in model._meta.concrete_fields:
            # What is brought back keeps its times; these models are nobody else's.
            if hasattr(one, "auto_now"):
                one.auto_now = one.auto_now_add = False
    with transaction.atomic():
        _empty(models)
        batch: list[Any] = []
        for table, row in _fitting(read, names=names, passwords=passwords):
            if table not in models:
                raise BadInput(f"There is no table {table!r} in localshop's migration {migration}.")
            if batch and (type(batch[0]) is not models[table] or len(batch) >= _BATCH):
                _insert(batch)
                batch = []
            batch.append(_instance(models[table], row))
        _insert(batch)
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), list(models.values())):
                cursor.execute(statement)


def _fitting(
    read: Iterator[Any], *, names: Mapping[str, str], passwords: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows as they fit the storage that the files are in now; those of files come after their bytes."""
    lost: set[int] = set()
    for table, row in read:
        if table == f"{migrating.APP}_upstream" and not passwords:
            row["password"] = ""
        elif table == f"{migrating.APP}_blob":
            if row["sha256"] not in names:
                lost.add(row["id"])
                continue
            row["name"] = names[row["sha256"]]
        elif table == f"{migrating.APP}_file" and row["blob_id"] in lost:
            row |= {"blob_id": None, "pinned": True}
        yield table, row


def _models(registry: Any) -> list[Any]:
    """The models of all tables that are kept, those before the others that others point to."""
    found = registry.get_app_config(migrating.APP).get_models(include_auto_created=True)
    kept = {one for one in found if one.__name__ not in _LEFT_OUT and _is_ours(one)}
    ordered: list[Any] = []

    def add(model: Any) -> None:
        if model in ordered:
            return
        for one in model._meta.concrete_fields:
            if one.is_relation and one.related_model is not model and one.related_model in kept:
                add(one.related_model)
        ordered.append(model)

    for model in sorted(kept, key=lambda one: str(one._meta.db_table)):
        add(model)
    return ordered


def _is_ours(model: Any) -> bool:
    """Whether a table points to nothing outside; Django's own groups and permissions are not used."""
    return all(
        one.related_model._meta.app_label == migrating.APP
        for one in model._meta.concrete_fields
        if one.is_relation
    )


def _read(lines: Iterable[bytes]) -> Iterator[Any]:
    """First the head of a dump, then each row: the name of its table, and its values by column."""
    table, total = "", 0
    columns: list[str] = []
    head: dict[str, Any] | None = None
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            raise BadInput("This backup cannot be read: a line of its tables is no JSON.") from None
        if head is None:
            if not isinstance(found, dict) or found.get("localshop") != FORMAT:
                raise BadInput("This is no backup of localshop, or one of a newer localshop.")
            head = found
            yield head
        elif isinstance(found, list):
            total += 1
            yield table, dict(zip(columns, found, strict=True))
        elif "table" in found:
            table, columns = found["table"], found["columns"]
        elif found.get("rows") == total:
            return
    raise BadInput("This backup is not whole: its tables end too early.")


def _encoder(column: Any) -> Callable[[Any], Any]:
    kind = column.get_internal_type()
    if kind == "BinaryField":
        return lambda value: None if value is None else base64.b64encode(bytes(value)).decode()
    if kind in {"DateTimeField", "DateField"}:
        return lambda value: None if value is None else value.isoformat()
    return lambda value: value


def _instance(model: Any, row: Mapping[str, Any]) -> Any:
    decoded = {one.attname: _decoded(one, row[one.attname]) for one in model._meta.concrete_fields}
    return model(**decoded)


def _decoded(column: Any, value: Any) -> Any:
    kind = column.get_internal_type()
    if value is None:
        return None
    if kind == "BinaryField":
        return base64.b64decode(value)
    if kind == "DateTimeField":
        return datetime.fromisoformat(value)
    if kind == "DateField":
        return date.fromisoformat(value)
    return value


def _insert(batch: list[Any]) -> None:
    if batch:
        type(batch[0])._base_manager.bulk_create(batch, batch_size=_BATCH)


def _empty(models: Mapping[str, Any]) -> None:
    """What the migrations themselves may have put there."""
    with connection.cursor() as cursor:
        for table in reversed(list(models)):
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our own names.


def _line(out: Out, value: object) -> None:
    out.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")
