"""What ``localshop doctor`` looks at in the database, the storage and the queue."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.db import Error as DatabaseError

from localshop.catalog import blobs, health, migrating, queue, repositories, schema
from localshop.catalog.records import RepositoryRecord
from localshop.cli.diagnosis import Diagnosis
from localshop.config import Config
from localshop.errors import LocalshopError, StorageError
from localshop.storage.opening import open_store
from localshop.storage.parts import remove_old_parts
from localshop.storage.stores import Store

_LITTLE_ROOM = 1 << 30
_DAY = 86_400.0
_LATE = 600.0
"""Seconds after which a job that is due should have been begun."""


def check_database(config: Config) -> Iterator[Diagnosis]:
    """Look whether the tables can be worked with; only then is there more to look at."""
    try:
        if not schema.is_initialised():
            advice = "Run `localshop init`, or set LOCALSHOP_HOME to where it is."
            yield Diagnosis("problem", "not-set-up", f"There is no localshop in {config.home} yet.", advice)
            return
        engine, has_fault = health.engine()
        pending, unknown, damage = migrating.pending(), migrating.unknown(), health.damage()
    except DatabaseError as error:
        told = " ".join(str(error).split())
        advice = "See that it runs, that LOCALSHOP_DATABASE_URL is right, and who may read its files."
        yield Diagnosis("problem", "database-unreachable", f"The database cannot be used: {told}", advice)
        return
    if damage:
        advice = "Stop localshop, and restore the database from a backup."
        yield Diagnosis("problem", "database-damaged", f"The database is damaged: {damage[0]}.", advice)
    if pending:
        advice = "Stop what is running, then run `localshop upgrade`."
        sentence = f"The database is of an older localshop: {', '.join(pending)}."
        yield Diagnosis("problem", "not-upgraded", sentence, advice)
    if unknown:
        advice = "Install that version again, or restore a copy from before its upgrade."
        sentence = f"The database is of a newer localshop than this one: it has seen {unknown[-1]}."
        yield Diagnosis("problem", "too-old", sentence, advice)
    if not damage and not pending and not unknown:
        yield Diagnosis("ok", "database", f"The database works: {engine}.")
    if has_fault:
        yield Diagnosis(
            "note",
            "sqlite-fault",
            f"{engine} can damage a database when one process writes while another takes in the log. "
            "localshop never lets that happen: both need the same lock.",
            "Let no other program write to the database. SQLite 3.51.3 and newer do not have the fault.",
        )


def check_kept(config: Config) -> Iterator[Diagnosis]:
    """Look at what is kept, in tables that are as they should be."""
    yield from _check_jobs()
    count, why = health.stale_pages()
    if count:
        advice = "If the upstream is well again, they are refreshed when they are next asked for."
        sentence = f"{count} pages could not be refreshed and are served as they were. The latest: {why}"
        yield Diagnosis("note", "stale-pages", sentence, advice)
    lost = blobs.lost()
    if lost:
        names = ", ".join(f"{one.repository}: {one.filename}" for _, one in lost[:5])
        sentence = f"The bytes of {len(lost)} private files are not here: {names}."
        advice = "Put them back from a backup, then run `localshop verify --repair`, which tells where to."
        yield Diagnosis("problem", "files-lost", sentence, advice)
    yield from _check_storage(config)


def check_repositories() -> tuple[list[RepositoryRecord], list[Diagnosis]]:
    """The repositories, if the passwords of their upstreams can be read."""
    try:
        return repositories.every_repository(), []
    except LocalshopError as error:
        advice = "Bring the old secret key back, or give each upstream with a password again."
        return [], [Diagnosis("problem", "bad-setting", error.sentence, advice)]


def _check_jobs() -> Iterator[Diagnosis]:
    failed = [one for one in queue.every_job() if one.state == "failed"]
    for one in failed[:5]:
        sentence = f"Job {one.id} ({one.key}) has failed: {one.error}"
        yield Diagnosis(
            "problem", "job-failed", sentence, f"Give it another chance: `localshop jobs retry {one.id}`."
        )
    if len(failed) > 5:
        advice = "`localshop jobs list` shows all."
        yield Diagnosis("problem", "job-failed", f"{len(failed) - 5} more jobs have failed.", advice)
    late = queue.overdue(now=time.time() - _LATE)
    if late:
        sentence = f"{late} jobs should have been begun ten minutes ago and were not."
        advice = "Run `localshop serve` without --no-jobs, or `localshop worker`; offline, some of them wait."
        yield Diagnosis("note", "jobs-wait", sentence, advice)
    if not failed and not late:
        yield Diagnosis("ok", "jobs", "No job has failed, and none is late.")


def _check_storage(config: Config) -> Iterator[Diagnosis]:
    try:
        store = open_store()
        store.try_out()
        free, total = store.room()
    except StorageError as error:
        advice = (
            "See that the disk is mounted and writable, and has room; or what the storage elsewhere says."
        )
        yield Diagnosis("problem", error.slug, error.sentence, advice)
        return
    room = f"{free / 1e9:,.1f} of {total / 1e9:,.1f} GB are free where files arrive."
    if free < _LITTLE_ROOM:
        advice = "`localshop sweep --size SIZE` lets mirrored files make room."
        yield Diagnosis("problem", "little-room", f"Only {room}", advice)
    elif free < total / 20:
        advice = "Soon `localshop sweep --size SIZE` may have to make room."
        yield Diagnosis("note", "little-room", f"Only {room}", advice)
    else:
        yield Diagnosis("ok", "storage", f"The storage can be written and read; {room}")
    yield from _check_parts(store)
    if (config.home / "verify.json").exists():
        sentence = "A check of the stored files is running, or was interrupted."
        yield Diagnosis("note", "check-interrupted", sentence, "`localshop verify` goes on with it.")


def _check_parts(store: Store) -> Iterator[Diagnosis]:
    parts = remove_old_parts(store.scratch, before=time.time() - _DAY, dry_run=True)
    if parts:
        sentence = f"{len(parts)} files, {sum(parts) / 1e6:,.1f} MB, began to arrive more than a day ago."
        advice = "The hourly job removes them where jobs run; so does `localshop sweep`."
        yield Diagnosis("note", "parts-left", sentence, advice)
