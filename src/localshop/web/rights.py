"""Who may see and do what in the web interface: one place, asked by every view.

The same rules decide here as at the index: who may read a repository from his address without
credentials may look at its packages without login. A session is a person; it never opens the index.
"""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from localshop.access.address import Visitor
from localshop.access.rules import Action, Identity, check, reaches
from localshop.catalog import repositories
from localshop.catalog.journal import Actor
from localshop.catalog.models import User
from localshop.catalog.people import user_record
from localshop.catalog.records import RepositoryRecord, UserRecord
from localshop.errors import BadInput, CredentialsNeeded, NoRight

_KEPT = "localshop_identity"


def visitor_of(request: HttpRequest) -> Visitor:
    """Where the request comes from; the front door has worked it out."""
    return cast("Visitor", request.scope["localshop.visitor"])  # type: ignore[attr-defined]


def identity_of(request: HttpRequest) -> Identity | None:
    """The person who is logged in; None: nobody is."""
    # A page asks for each repository; his roles are read once for all of it.
    if not hasattr(request, _KEPT):
        user: User | AnonymousUser = request.user
        setattr(request, _KEPT, Identity(user_record(user)) if isinstance(user, User) else None)
    return cast("Identity | None", getattr(request, _KEPT))


def person_of(request: HttpRequest) -> UserRecord:
    """The person who is logged in; raises ``LoginNeeded`` when nobody is."""
    identity = identity_of(request)
    if identity is None or identity.user is None:
        raise LoginNeeded
    return identity.user


def address_of(request: HttpRequest) -> str:
    """Where a request comes from, as text; empty: through a proxy that hides it."""
    visitor = visitor_of(request)
    return str(visitor.address) if visitor.told and visitor.address is not None else ""


def actor_of(request: HttpRequest) -> Actor:
    """Whom the journal names for what a request changes, and where he sits."""
    return Actor(person_of(request).username, address_of(request))


def may_read(request: HttpRequest, repository: RepositoryRecord) -> bool:
    """Whether this repository's packages may be looked at."""
    try:
        check(Action.READ, repository, visitor_of(request), identity=identity_of(request))
    except (CredentialsNeeded, NoRight):
        return False
    return True


def anybody_may_read(request: HttpRequest, repository: RepositoryRecord) -> bool:
    """Whether whoever sits there reads this repository without credentials, as installers do."""
    try:
        check(Action.READ, repository, visitor_of(request), identity=None)
    except (CredentialsNeeded, NoRight):
        return False
    return True


def may_reach(request: HttpRequest, repository: RepositoryRecord) -> bool:
    """Whether the person may read this repository, wherever he sits just now."""
    identity = identity_of(request)
    return identity is not None and reaches(Action.READ, repository, identity)


def may_upload(request: HttpRequest, repository: RepositoryRecord) -> bool:
    """Whether the person may publish to this repository, wherever he sits just now."""
    identity = identity_of(request)
    return identity is not None and reaches(Action.UPLOAD, repository, identity)


def may_own(request: HttpRequest, repository: RepositoryRecord) -> bool:
    """Whether the person may change this repository: an administrator, or one of its owners."""
    identity = identity_of(request)
    if identity is None or identity.user is None:
        return False
    return identity.user.administrator or identity.user.roles.get(repository.id) == "owner"


def may_own_any(request: HttpRequest) -> bool:
    """Whether there can be a repository that the person may change."""
    identity = identity_of(request)
    if identity is None or identity.user is None:
        return False
    return identity.user.administrator or "owner" in identity.user.roles.values()


def is_administrator(request: HttpRequest) -> bool:
    """Whether the person may do everything."""
    return isinstance(request.user, User) and request.user.is_superuser


def readable(request: HttpRequest) -> list[RepositoryRecord]:
    """The repositories that may be looked at, by slug."""
    return [one for one in repositories.every_repository() if may_read(request, one)]


def owned(request: HttpRequest) -> list[RepositoryRecord]:
    """The repositories that the person may change, by slug; raises ``LoginNeeded`` when nobody is logged in.

    Wherever he sits: whoever has locked his own address out must be able to let it in again.
    """
    person_of(request)
    return [one for one in repositories.every_repository() if may_own(request, one)]


def repository_to_read(request: HttpRequest, slug: str) -> RepositoryRecord:
    """The repository of a URL, if it may be looked at; ``LoginNeeded`` when a login could help."""
    found = _repository(slug)
    if not may_read(request, found):
        raise LoginNeeded if identity_of(request) is None else PermissionDenied
    return found


def repository_to_own(request: HttpRequest, slug: str) -> RepositoryRecord:
    """The repository of a URL, if the person may change it."""
    found = _repository(slug)
    if identity_of(request) is None:
        raise LoginNeeded
    if not may_own(request, found):
        raise PermissionDenied
    return found


def need_administrator(request: HttpRequest) -> None:
    """Let only administrators go on."""
    if identity_of(request) is None:
        raise LoginNeeded
    if not is_administrator(request):
        raise PermissionDenied


class LoginNeeded(Exception):
    """The page is for those who are logged in; ``web.middleware`` sends the others to the login."""


def _repository(slug: str) -> RepositoryRecord:
    try:
        return repositories.repository(slug)
    except BadInput:
        raise Http404(f"There is no repository {slug!r}.") from None
