"""Rows of the old localshop become ours: what other rooms make anew comes here as it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from localshop.errors import BadInput, StorageError
from localshop.protocol.document import Entry, entry_to_json

from .credentials import digest_of
from .models import Blob, Credential, File, Project, Repository, User
from .projects import become


@dataclass(frozen=True, slots=True)
class Person:
    """A user with the hash of his password; without one that can be verified he has to get a new one."""

    username: str
    password: str
    email: str
    first_name: str
    last_name: str
    active: bool
    administrator: bool
    joined: datetime | None
    last_login: datetime | None


@dataclass(frozen=True, slots=True)
class Keys:
    """A credential whose keys are known: a user's, good everywhere, or a machine's for one repository."""

    access_key: str
    secret: str
    username: str | None
    repository: str | None
    upload: bool
    enabled: bool
    comment: str
    last_used: datetime | None


def add_person(person: Person) -> None:
    """Make a user; raises ``BadInput`` for a name that is none, or is there."""
    user = User(
        username=person.username,
        email=person.email[:254],
        first_name=person.first_name[:150],
        last_name=person.last_name[:150],
        is_active=person.active,
        is_superuser=person.administrator,
        is_staff=person.administrator,
        last_login=person.last_login,
        password=person.password,
    )
    if person.joined is not None:
        user.date_joined = person.joined
    if not person.password:
        user.set_unusable_password()
    try:
        user.clean_fields(exclude=["password", "email"])
    except ValidationError as error:
        raise BadInput(" ".join(error.messages)) from None
    with transaction.atomic():
        if User.objects.filter(username=person.username).exists():
            raise BadInput(f"There is a user {person.username!r} already.")
        user.save()


def add_keys(keys: Keys) -> None:
    """Make a credential of keys that are in use; raises ``BadInput`` when one of them is taken."""
    secret = digest_of(keys.secret)
    with transaction.atomic():
        taken = Credential.objects.filter(access_key=keys.access_key).exists()
        if taken or Credential.objects.filter(secret_sha256=secret).exists():
            raise BadInput("Another credential has one of its keys.")
        row = Credential.objects.create(
            access_key=keys.access_key,
            secret_sha256=secret,
            user=User.objects.get(username=keys.username) if keys.username is not None else None,
            everywhere=keys.repository is None,
            upload=keys.upload,
            enabled=keys.enabled,
            comment=keys.comment[:200],
            last_used=keys.last_used,
        )
        if keys.repository is not None:
            row.repositories.set(Repository.objects.filter(slug=keys.repository))


def user_ids() -> dict[str, int]:
    """The id of each user, by name."""
    return dict(User.objects.values_list("username", "id"))


def make_private(repository_id: int, name: str, *, title: str) -> bool:
    """Keep a name private, with or without files; False: it is a mirrored one."""
    with transaction.atomic():
        project, _ = Project.objects.get_or_create(
            repository_id=repository_id, name=name, defaults={"title": title[:200], "listed": False}
        )
        become(project.id, Project.Kind.PRIVATE)
        Project.objects.filter(id=project.id, files=None).update(listed=False)
        return Project.objects.filter(id=project.id, kind=Project.Kind.PRIVATE).exists()


def add_mirrored(
    repository_id: int, name: str, entry: Entry, *, upstream_id: int | None, stored_as: str, is_stored: bool
) -> str:
    """Make a mirrored file of bytes that are in the storage; why not, or the empty text."""
    if not is_stored:
        raise StorageError(f"The bytes of {entry.filename} have gone again.")
    with transaction.atomic():
        project, _ = Project.objects.get_or_create(repository_id=repository_id, name=name)
        become(project.id, Project.Kind.MIRRORED)
        if Project.objects.get(id=project.id).kind != Project.Kind.MIRRORED:
            return f"{name} is a private project"
        same = File.objects.filter(project_id=project.id, filename=entry.filename).exclude(path=entry.path)
        if same.exists():
            return "another file of this name was taken over"
        blob, _ = Blob.objects.update_or_create(
            sha256=entry.sha256, defaults={"size": entry.size or 0, "name": stored_as}
        )
        File.objects.update_or_create(
            repository_id=repository_id,
            path=entry.path,
            filename=entry.filename,
            defaults={
                "project": project,
                "upstream_id": upstream_id,
                "sha256": entry.sha256 or "",
                "size": entry.size,
                "entry": entry_to_json(entry),
                "blob": blob,
            },
        )
        Project.objects.filter(id=project.id).update(
            serial=F("serial") + 1, arrivals=F("arrivals") + 1, listed=True
        )
    return ""
