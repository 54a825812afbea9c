"""Repositories and their upstreams: look-ups and changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from django.db import transaction
from django.db.models import F

from localshop.errors import BadInput
from localshop.observe.redact import redact
from localshop.policies.rules import stored
from localshop.protocol.names import is_name, normalise
from localshop.upstream.source import Source

from .journal import Actor, note
from .models import Network, Project, Repository, ShelvedPage, Upstream
from .records import NetworkRecord, RepositoryRecord
from .sealing import seal, unseal
from .state import access_changed

DEFAULT = "default"
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,99}\Z")
_LONGEST_URL = 1000
_LONGEST_USERNAME = 200
_HOST = re.compile(
    r"(?:[a-z0-9_][a-z0-9._-]{0,252}|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?\Z", re.ASCII | re.IGNORECASE
)
_CHANGEABLE = frozenset(
    {
        "miss",
        "fresh",
        "reserved",
        "file_hosts",
        "overwrite",
        "members_only",
        "owners_only",
        "strict_record",
    }
)


def every_repository() -> list[RepositoryRecord]:
    """All repositories with upstreams and networks, by slug."""
    rows = Repository.objects.order_by("slug").prefetch_related("upstreams", "networks")
    return [_record(row) for row in rows]


def repository(slug: str) -> RepositoryRecord:
    """The repository of this slug; raises ``BadInput`` when there is none."""
    return _record(_row(slug))


def repository_by_id(repository_id: int) -> RepositoryRecord:
    """The repository of this id, as another row names it."""
    return _record(Repository.objects.get(id=repository_id))


def is_there(slug: str) -> bool:
    """Whether there is a repository of this slug; asks for nothing else, so it works with any key."""
    return Repository.objects.filter(slug=slug).exists()


def create_repository(
    slug: str,
    *,
    upstreams: Sequence[str],
    networks: Sequence[NetworkRecord],
    changes: Mapping[str, object],
    actor: Actor | None = None,
) -> RepositoryRecord:
    """Make a repository; ``upstreams`` are URLs in the order in which they are asked.

    ``actor`` None: nothing is journaled.
    """
    if not _SLUG.match(slug):
        raise BadInput(f"{slug!r} is no slug: small letters, digits and dashes, 100 at the most.")
    with transaction.atomic():
        if Repository.objects.filter(slug=slug).exists():
            raise BadInput(f"There is a repository {slug!r} already.")
        row = Repository.objects.create(slug=slug, **_checked(changes))
        _set_upstreams(row, upstreams)
        Network.objects.bulk_create(
            Network(
                repository=row,
                network=str(rule.network),
                credentials=rule.credentials,
                upload=rule.upload,
                label=rule.label,
            )
            for rule in networks
        )
        access_changed()
        made = repository(slug)
        _note("repository-made", slug, actor, {"after": _shape(made)})
    return made


def edit_repository(
    slug: str,
    *,
    upstreams: Sequence[str] | None,
    changes: Mapping[str, object],
    actor: Actor | None = None,
) -> RepositoryRecord:
    """Change a repository; ``upstreams`` None leaves them as they are.

    A URL with a user but no password keeps the password of the upstream that has both already.
    """
    with transaction.atomic():
        row = _row(slug)
        before = _shape(_record(row, unsealed=False))
        Repository.objects.filter(id=row.id).update(**_checked(changes))
        if upstreams is not None:
            _set_upstreams(row, upstreams)
        # Which names are reserved and whom we ask decides what every page of it shows.
        Project.objects.filter(repository=row).update(serial=F("serial") + 1, fresh_until=0)
        access_changed()
        edited = repository(slug)
        after = _shape(edited)
        changed = {name for name in after if after[name] != before[name]}
        told = {"before": before, "after": after}
        detail = {when: {name: shape[name] for name in sorted(changed)} for when, shape in told.items()}
        _note("repository-changed", slug, actor, detail)
    return edited


def ask_again(slug: str, *, actor: Actor | None = None) -> int:
    """Let every page of a repository be asked for anew when it is next wanted; how many there are."""
    with transaction.atomic():
        row = _row(slug)
        many = Project.objects.filter(repository=row).update(fresh_until=0)
        _note("repository-refreshed", slug, actor, {"projects": many})
    return many


def delete_repository(slug: str, *, actor: Actor | None = None) -> None:
    """Delete a repository with all that hangs on it; stored bytes are left to ``sweep``."""
    if slug == DEFAULT:
        raise BadInput("The repository 'default' always exists; it cannot be deleted.")
    with transaction.atomic():
        row = _row(slug)
        gone = _shape(_record(row, unsealed=False))
        ShelvedPage.objects.filter(project__repository=row).delete()
        row.delete()
        access_changed()
        _note("repository-deleted", slug, actor, {"before": gone})


def public_url(source: Source) -> str:
    """The upstream's URL with the user's name but without the password, for people to read."""
    if not source.username:
        return source.url
    parts = urlsplit(source.url)
    return urlunsplit(parts._replace(netloc=f"{quote(source.username)}@{parts.netloc}"))


def _note(action: str, slug: str, actor: Actor | None, detail: Mapping[str, object]) -> None:
    if actor is not None:
        note(action, actor, at=datetime.now(UTC), repository=slug, subject=slug, detail=detail)


def _shape(one: RepositoryRecord) -> dict[str, object]:
    """What the journal tells of a repository; of an upstream's password only that there is one."""
    shape = {name: getattr(one, name) for name in sorted(_CHANGEABLE)}
    upstreams = [
        f"{public_url(source)} (with a password)" if source.password else public_url(source)
        for source in one.upstreams
    ]
    return {**shape, "upstreams": upstreams}


def _row(slug: str) -> Repository:
    row = Repository.objects.filter(slug=slug).first()
    if row is None:
        raise BadInput(f"There is no repository {slug!r}.")
    return row


def _checked(changes: Mapping[str, object]) -> dict[str, object]:
    unknown = set(changes) - _CHANGEABLE
    if unknown:
        raise BadInput(f"A repository has no {min(unknown)!r}.")
    if changes.get("miss", "redirect") not in Repository.Miss.values:
        raise BadInput(f"{changes['miss']!r} is no miss mode: redirect, stream or refuse.")
    checked = dict(changes)
    if "reserved" in changes:
        checked["reserved"] = _each(parse_pattern, changes["reserved"])
    if "file_hosts" in changes:
        checked["file_hosts"] = _each(parse_host, changes["file_hosts"])
    return checked


def _each(read: Callable[[str], str], given: object) -> list[str]:
    """Read each text once, in the order given."""
    assert isinstance(given, list | tuple)
    return list(dict.fromkeys(read(one) for one in given))


def parse_pattern(given: str) -> str:
    """A pattern of reserved names, normalised: a name, or the beginning of names and ``*``."""
    start = given.removesuffix("*")
    # What stands before the star may end in a separator; for the check it is taken off.
    if given == "*" or is_name(start) or (start != given and is_name(start.rstrip("-_."))):
        return normalise(start) + given[len(start) :]
    raise BadInput(f"{given!r} is no name of a project and no beginning of names such as acme-*.")


def parse_host(given: str) -> str:
    """A host that files may come from: ``host``, ``host:port``, an address, ``[v6 address]:port``."""
    with suppress(ValueError):
        return str(ip_address(given.strip("[]")))
    found = _HOST.match(given)
    if found is None or int(found["port"] or 1) not in range(1, 65536):
        raise BadInput(f"{given!r} is no host: a name or an address, and :PORT if need be.")
    return given.lower()


def _set_upstreams(row: Repository, urls: Sequence[str]) -> None:
    """Keep the rows of URLs that stay, so that what is known of their projects stays too."""
    kept = {(known.url, known.username): known for known in row.upstreams.all()}
    for position, given in enumerate(urls):
        url, username, password = parse_upstream(given)
        known = kept.pop((url, username), None) or Upstream(repository=row, url=url, username=username)
        known.position = position
        if password or not username:
            known.password = seal(password)
        known.save()
    for gone in kept.values():
        gone.delete()


def parse_upstream(given: str) -> tuple[str, str, str]:
    """``https://user:password@host/simple/`` as (URL that ends in a slash, user, password)."""
    # It may carry a password, and these sentences end up on screens and in logs.
    shown = repr(redact(given))
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError as error:
        raise BadInput(f"{shown} is no URL of an upstream: {redact(str(error))}.") from None
    # A line break would be dropped by urlsplit in silence, and another address asked.
    if len(given) > _LONGEST_URL or len(unquote(parts.username or "")) > _LONGEST_USERNAME:
        raise BadInput(f"{shown[:80]}… is no URL of an upstream: it is too long.")
    if not given.isprintable() or " " in given:
        raise BadInput(f"{shown} is no URL of an upstream: it may hold no blanks.")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadInput(f"{shown} is no URL of an upstream: it must start with http:// or https://.")
    if parts.query or parts.fragment:
        raise BadInput(f"{shown} is no URL of an upstream: it may have no query and no fragment.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port is None else f"{host}:{port}"
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    url = urlunsplit((parts.scheme, netloc, path, "", ""))
    return url, unquote(parts.username or ""), unquote(parts.password or "")


def _record(row: Repository, *, unsealed: bool = True) -> RepositoryRecord:
    """The repository as a value; not ``unsealed``: only whether there are passwords."""
    file_hosts = tuple(row.file_hosts)
    return RepositoryRecord(
        id=row.id,
        slug=row.slug,
        miss=row.miss,
        fresh=row.fresh,
        reserved=tuple(row.reserved),
        file_hosts=file_hosts,
        overwrite=row.overwrite,
        members_only=row.members_only,
        owners_only=row.owners_only,
        strict_record=row.strict_record,
        rules=stored(row.rules),
        upstreams=tuple(
            Source(
                id=upstream.id,
                url=upstream.url,
                username=upstream.username,
                password=unseal(upstream.password) if unsealed else "sealed" if upstream.password else "",
                file_hosts=file_hosts,
            )
            for upstream in sorted(row.upstreams.all(), key=lambda one: one.position)
        ),
        networks=tuple(
            NetworkRecord(
                network=ip_network(rule.network),
                credentials=rule.credentials,
                upload=rule.upload,
                label=rule.label,
            )
            for rule in sorted(row.networks.all(), key=lambda one: one.id)
        ),
    )
