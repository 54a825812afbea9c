"""What the tables say, as values: these go up to the journeys and doors, models do not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from localshop.policies.rules import NO_RULES, Rules
from localshop.protocol.affected import Affected
from localshop.upstream.source import Source

Address = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class NetworkRecord:
    """One CIDR rule of a repository."""

    network: Address
    credentials: bool
    upload: bool
    label: str = ""


@dataclass(frozen=True, slots=True)
class RepositoryRecord:
    """One repository with all that a request needs to know of it."""

    id: int
    slug: str
    miss: str
    fresh: int
    reserved: tuple[str, ...]
    file_hosts: tuple[str, ...]
    overwrite: bool
    members_only: bool
    owners_only: bool
    strict_record: bool
    upstreams: tuple[Source, ...]
    networks: tuple[NetworkRecord, ...]
    rules: Rules = NO_RULES
    page_mark: str = field(init=False)
    """Of what a page depends on that changes no project: the rules, and who is asked in which order."""

    def __post_init__(self) -> None:
        told = repr((self.rules.mark, [one.id for one in self.upstreams]))
        mark = hashlib.blake2b(told.encode(), digest_size=5).hexdigest()
        object.__setattr__(self, "page_mark", mark)


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A person, with the role that each repository (by id) gives through teams."""

    id: int
    username: str
    active: bool
    administrator: bool
    roles: dict[int, str]


@dataclass(frozen=True, slots=True)
class CredentialRecord:
    """An access key; ``repositories`` are ids, None: everywhere."""

    id: int
    access_key: str
    secret_sha256: str
    user: UserRecord | None
    repositories: frozenset[int] | None
    upload: bool
    enabled: bool
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class CredentialListed:
    """A credential as lists show it, with names instead of ids; ``repositories`` None: everywhere."""

    access_key: str
    repositories: tuple[str, ...] | None
    upload: bool
    user: str | None
    comment: str
    expires: datetime | None
    enabled: bool
    created: datetime
    last_used: datetime | None
    last_address: str


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as lists show it; ``state`` is ``waiting``, ``running`` or ``failed``."""

    id: int
    name: str
    key: str
    state: str
    attempts: int
    error: str


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """A project as the journeys need it; ``id`` 0: no row yet."""

    id: int
    repository_id: int
    name: str
    kind: str
    serial: int
    fresh_until: float
    arrivals: int
    status: str
    status_reason: str
    publisher: str


@dataclass(frozen=True, slots=True)
class UpstreamPageRecord:
    """What an upstream last said of a project; ``document`` is packed, empty: it has none.

    ``changed``: when it last became another one, in seconds since the epoch.
    """

    upstream_id: int
    document: bytes
    digest: str
    etag: str
    last_modified: str
    serial: int | None
    error: str
    changed: float = 0.0


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file that was wanted; ``blob`` is None while its bytes are not here.

    ``gone``: since when its upstream has it no more, in seconds since the epoch; None: it has it.
    """

    id: int
    repository_id: int
    project_id: int
    project: str
    kind: str
    upstream_id: int | None
    filename: str
    path: str
    sha256: str
    size: int | None
    entry: dict[str, object]
    blob: BlobRecord | None
    state: str
    created: datetime
    gone: float | None


class WantedRecord(NamedTuple):
    """A file that somebody wanted: since when, and since when its upstream has it no more (None: it has it).

    Both are seconds since the epoch.
    """

    project: str
    path: str
    filename: str
    since: float
    gone: float | None


@dataclass(frozen=True, slots=True)
class PassRecord:
    """A pass as lists show it; ``until``: seconds since the epoch, None: for good."""

    project: str
    version: str
    rule: str
    until: float | None
    reason: str
    who: str
    created: datetime


@dataclass(frozen=True, slots=True)
class BlobRecord:
    """Bytes at rest, by the name that the storage knows them by."""

    sha256: str
    size: int
    name: str


@dataclass(frozen=True, slots=True)
class HolderRecord:
    """A file that has some bytes; ``upstream_id`` None: they can be fetched nowhere (any more)."""

    file_id: int
    repository: str
    filename: str
    kind: str
    upstream_id: int | None


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """Bytes at rest, and every file that has them."""

    id: int
    sha256: str
    size: int
    name: str
    holders: tuple[HolderRecord, ...]


class Given(NamedTuple):
    """A file, given to somebody on one day; ``day`` counts the days since the epoch (UTC)."""

    day: int
    repository: str
    path: str
    filename: str
    username: str
    credential: str
    address: str
    installer: str


class Tally(NamedTuple):
    """How often, and when last, in seconds since the epoch."""

    amount: int
    last: float


class Refused(NamedTuple):
    """What was refused to whom; empty: it is not known, or it is not kept apart any more."""

    slug: str
    repository: str
    project: str = ""
    subject: str = ""
    who: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One line of the journal."""

    id: int
    at: datetime
    action: str
    who: str
    address: str
    repository: str
    project: str
    subject: str
    detail: dict[str, object]


@dataclass(frozen=True, slots=True)
class DownloadRecord:
    """How often somebody was given a file on one day (UTC), and when last.

    ``credential`` is an access key; empty with a ``username``: he came with his password or by the
    web interface. Both empty: nobody had to say who he is. ``address`` empty: a proxy hides it.
    """

    id: int
    repository: str
    project: str
    version: str
    filename: str
    path: str
    day: date
    username: str
    credential: str
    address: str
    installer: str
    amount: int
    last: datetime

    @property
    def who(self) -> str:
        """What the journal would call him."""
        return self.credential or self.username or "anonymous"


@dataclass(frozen=True, slots=True)
class GivenOutRecord:
    """How often a file was given out on one day (UTC), to whomever.

    ``entry`` is what its upstream or its upload said of it (``protocol.document.entry_from_json``
    reads it); None: the file has no row any more.
    """

    project: str
    version: str
    filename: str
    path: str
    day: date
    amount: int
    entry: dict[str, object] | None


@dataclass(frozen=True, slots=True)
class UpstreamState:
    """How an upstream answered when it was last asked; ``error`` empty: well."""

    repository: str
    url: str
    asked: datetime
    error: str

    @property
    def down(self) -> bool:
        """Whether it did not answer, or not well."""
        return bool(self.error)


@dataclass(frozen=True, slots=True)
class SwappedRecord:
    """A stored file that its upstream announces with other bytes now."""

    repository: str
    project: str
    filename: str


@dataclass(frozen=True, slots=True)
class AdvisoryRecord:
    """An advisory as lists show it; ``affected`` by project (normalised), empty: it was withdrawn.

    ``severity`` is a CVSS score, None: none is told. ``body`` is the record as OSV writes it, in JSON; lists
    leave it out.
    """

    name: str
    modified: str
    withdrawn: str
    malicious: bool
    severity: float | None
    summary: str
    affected: Mapping[str, Affected]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a release that is or was here is bad: what an alarm is raised for.

    ``cause`` is one word for machines; ``source`` what says so; ``version`` "": the whole project.
    """

    repository: str
    project: str
    version: str
    cause: str
    source: str
    sentence: str


@dataclass(frozen=True, slots=True)
class AlarmRecord:
    """An alarm; ``closed`` None: nobody has dealt with it yet."""

    id: int
    bad: Bad
    at: datetime
    closed: datetime | None
    closed_by: str
