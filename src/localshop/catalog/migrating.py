"""Brings the tables from one version to another: one process at a time, and each step whole or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

APP = "catalog"
_KEY = 0x6C73_7570_6772
"""Of PostgreSQL's advisory lock: any number that is always the same."""


def pending() -> list[str]:
    """Give the migrations that are still to be made, in order, each ``app.name``."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def unknown() -> list[str]:
    """Give the migrations of these tables that this program does not know: it is too old for them."""
    known = MigrationExecutor(connection).loader.graph.nodes
    made = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in made if app == APP and (app, name) not in known)


def newest() -> str:
    """The newest migration of ours that this database has seen; empty: none."""
    made = MigrationRecorder(connection).applied_migrations()
    return max((name for app, name in made if app == APP), default="")


def knows(migration: str) -> bool:
    """Whether this program knows a migration of ours."""
    return (APP, migration) in MigrationExecutor(connection).loader.graph.nodes


def migrate(*, until: str | None = None) -> None:
    """Bring the tables to what this version needs, or to what they were ``until`` a migration of ours."""
    executor = _Executor(connection)
    targets = [node for node in executor.loader.graph.leaf_nodes() if until is None or node[0] != APP]
    if until is not None:
        targets.append((APP, until))
    plan = executor.migration_plan(targets)
    emit_pre_migrate_signal(0, interactive=False, db=DEFAULT_DB_ALIAS, plan=plan)
    state = executor.migrate(targets, plan)
    # The last step of a plan may have left models that others render anew.
    state.clear_delayed_apps_cache()
    emit_post_migrate_signal(0, interactive=False, db=DEFAULT_DB_ALIAS, apps=state.apps, plan=plan)


@contextmanager
def alone() -> Iterator[None]:
    """Let one process at a time, on whichever machine, change the tables of this database."""
    if connection.vendor == "postgresql":
        wrapper: Any = connection
        wrapper.ensure_connection()
        # Another one's upgrade takes as long as it takes, and what is open has to be closed first.
        with wrapper.waiting_for_ever():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", [_KEY])
            try:
                yield
            finally:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s)", [_KEY])
        return
    descriptor = os.open(
        f"{connection.settings_dict['NAME']}-upgrade", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
    )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class _Executor(MigrationExecutor):
    """Django's, but a migration is written down in the transaction that makes it.

    Django does so afterwards where a migration leaves statements for its end. Whoever is killed in between
    finds tables that were changed, and a migration that wants to change them once more.
    """

    def apply_migration(
        self, state: ProjectState, migration: Migration, fake: bool = False, fake_initial: bool = False
    ) -> ProjectState:
        """Make one migration."""
        assert not fake
        assert not fake_initial
        assert migration.atomic
        if self.progress_callback:
            self.progress_callback("apply_start", migration, fake)
        with self.connection.schema_editor(atomic=True) as editor:
            state = migration.apply(state, editor)
            left: list[Any] = list(editor.deferred_sql)
            editor.deferred_sql.clear()
            for statement in left:
                editor.execute(statement, None)
            for app, name in migration.replaces or [(migration.app_label, migration.name)]:
                self.recorder.record_applied(app, name)
        if self.progress_callback:
            self.progress_callback("apply_success", migration, fake)
        return state
