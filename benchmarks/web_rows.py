"""Fills an empty localshop with much, for ``web.py``: run in the environment of its home.

What it prints is the key of a session in which the administrator is logged in.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction

from localshop.catalog.models import Blob, Credential, Event, File, Project, Repository, User
from localshop.protocol.document import Entry, entry_to_json

PROJECTS, FILES, LINES, LARGE = 10_000, 10, 100_000, 2_000


def fill():
    with transaction.atomic():
        _fill_projects()
        _fill_around()
        user = User.objects.get(username="admin")
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
    print(session.session_key)


def _fill_projects():
    repository = Repository.objects.get(slug="default")
    upstream = repository.upstreams.get()
    names = [f"tool-{number:05}" for number in range(PROJECTS - 1)]
    made = [
        Project(
            repository=repository,
            name=name,
            kind="private" if number % 5 == 0 else "mirrored",
            summary=f"The tool of number {number}, for whatever it is good for",
        )
        for number, name in enumerate(names)
    ]
    made.append(Project(repository=repository, name="large", kind="private", summary="It has many files"))
    Project.objects.bulk_create(made, batch_size=500)
    wanted = [
        (project, f"{minor}.{micro}")
        for project in made
        for minor in range(FILES if project.name != "large" else LARGE // 20)
        for micro in range(1 if project.name != "large" else 20)
    ]
    blobs = [Blob(sha256=f"{number:064x}", size=number, name=f"aa/{number}") for number in range(len(wanted))]
    Blob.objects.bulk_create(blobs, batch_size=500)
    pairs = zip(wanted, blobs, strict=True)
    File.objects.bulk_create((_file(*of, blob, upstream=upstream) for of, blob in pairs), batch_size=500)


def _file(project, version, blob, *, upstream):
    entry = Entry(
        filename=f"{project.name.replace('-', '_')}-{version}-py3-none-any.whl",
        url="",
        path=f"aa/bb/{blob.sha256[4:]}",
        sha256=blob.sha256,
        size=blob.size,
        upload_time="2026-01-02T03:04:05Z",
    )
    return File(
        repository=project.repository,
        project=project,
        upstream=None if project.kind == "private" else upstream,
        filename=entry.filename,
        path=entry.path,
        sha256=blob.sha256,
        size=blob.size,
        blob=blob,
        entry=entry_to_json(entry),
    )


def _fill_around():
    now = datetime.now(UTC)
    users = [User(username=f"user-{number}") for number in range(500)]
    User.objects.bulk_create(users, batch_size=500)
    Credential.objects.bulk_create(
        Credential(
            access_key=f"lsk_{number}", secret_sha256=f"{number:064x}", user=users[number % 500], comment="CI"
        )
        for number in range(2000)
    )
    Event.objects.bulk_create(
        (
            Event(
                at=now - timedelta(seconds=LINES - number),
                action="uploaded",
                who=f"user-{number % 500}",
                address="203.0.113.9",
                repository="default",
                project=f"tool-{number % PROJECTS:05}",
                subject="a file",
            )
            for number in range(LINES)
        ),
        batch_size=500,
    )


if __name__ == "__main__":
    fill()
