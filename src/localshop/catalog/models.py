"""Every table of localshop.

Two kinds of columns carry the time: what people read is an aware UTC datetime; what the hot path
compares on every request is a float of seconds since the epoch, because it costs nothing to read.

Nothing here has behaviour: changes go through the named functions of this room.
"""

from __future__ import annotations

import time
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person. ``is_superuser`` is the administrator."""


class State(models.Model):
    """One row: the generation of everything that decides who may come in."""

    access = models.BigIntegerField(default=1)


class FailedTry(models.Model):
    """A wrong password, of an account or from an address; kept for minutes, to limit guessing."""

    key = models.CharField(max_length=60)
    at = models.FloatField()
    """Seconds since the epoch."""

    class Meta:
        indexes: ClassVar = [models.Index(fields=["key", "at"]), models.Index(fields=["at"])]


class Repository(models.Model):
    """One index with its own URL, upstreams, rules and rights."""

    class Miss(models.TextChoices):
        """What is done when bytes are asked for that are not here."""

        REDIRECT = "redirect"
        STREAM = "stream"
        REFUSE = "refuse"

    slug = models.CharField(max_length=100, unique=True)
    miss = models.CharField(max_length=8, choices=Miss.choices, default=Miss.REDIRECT)
    fresh = models.PositiveIntegerField(default=600)
    """Seconds for which a page of an upstream is served without asking again."""
    reserved = models.JSONField(default=list)
    """Patterns of names that are private before their first upload."""
    file_hosts = models.JSONField(default=list)
    """Hosts beside the upstreams' own that files may come from."""
    overwrite = models.BooleanField(default=False)
    members_only = models.BooleanField(default=False)
    owners_only = models.BooleanField(default=False)
    """Whether only who published a project first, and owners, publish to it."""
    strict_record = models.BooleanField(default=False)
    """Whether a wheel is refused whose RECORD does not fit its content."""
    rules = models.JSONField(default=dict)
    """What it hides, as ``policies.rules`` writes it; a rule that is off is not in it."""
    created = models.DateTimeField(auto_now_add=True)


class Upstream(models.Model):
    """An index that a repository reads from; the lowest position is asked first."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="upstreams")
    position = models.PositiveSmallIntegerField(default=0)
    url = models.CharField(max_length=1000)
    username = models.CharField(max_length=200, blank=True)
    password = models.BinaryField(default=b"")
    """Sealed with a key that is not in the database; see ``catalog.sealing``."""


class Network(models.Model):
    """A CIDR rule: who may come in from where."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="networks")
    network = models.CharField(max_length=50)
    credentials = models.BooleanField(default=True)
    """Whether credentials are needed."""
    upload = models.BooleanField(default=False)
    label = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["repository", "network"], name="one_rule_a_network"),
        ]


class Credential(models.Model):
    """An access key and the digest of its secret key; without a user it is a machine's."""

    access_key = models.CharField(max_length=64, unique=True)
    secret_sha256 = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="credentials")
    repositories = models.ManyToManyField(Repository, related_name="credentials")
    """Where it is good for; none: everywhere."""
    everywhere = models.BooleanField(default=True)
    """False once it was made for named repositories, also when these are gone."""
    upload = models.BooleanField(default=False)
    comment = models.CharField(max_length=200, blank=True)
    enabled = models.BooleanField(default=True)
    expires = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)
    last_used = models.DateTimeField(null=True)
    last_address = models.CharField(max_length=50, blank=True)
    """Where it was last used from; empty: never, or from behind a proxy that hides it."""


class Team(models.Model):
    """Users with a role on repositories."""

    name = models.CharField(max_length=100, unique=True)
    members = models.ManyToManyField(User, related_name="teams")


class Grant(models.Model):
    """What the members of a team may do in a repository."""

    class Role(models.TextChoices):
        """Each role may do what those before it may."""

        READER = "reader"
        DEVELOPER = "developer"
        OWNER = "owner"

    team = models.ForeignKey(Team, models.CASCADE, related_name="grants")
    repository = models.ForeignKey(Repository, models.CASCADE, related_name="grants")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "repository"], name="one_role_a_repository"),
        ]


class Project(models.Model):
    """A project that this repository knows: asked for and found, or uploaded."""

    class Kind(models.TextChoices):
        """Where its first file came from; decided once, at first arrival."""

        UNDECIDED = ""
        PRIVATE = "private"
        MIRRORED = "mirrored"

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="projects")
    name = models.CharField(max_length=200)
    """Normalised (PEP 503)."""
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.UNDECIDED, blank=True)
    serial = models.BigIntegerField(default=1)
    """Goes up with every change that its page could show; a page of another serial is rebuilt."""
    fresh_until = models.FloatField(default=0)
    """Seconds since the epoch until when the upstreams need not be asked again."""
    arrivals = models.BigIntegerField(default=0)
    """Goes up with every file that is stored; only pages made offline depend on it."""
    status = models.CharField(max_length=20, default="active")
    """PEP 792, as its upstream says or an administrator decided."""
    status_reason = models.TextField(blank=True)
    title = models.CharField(max_length=200, blank=True)
    """The name as its newest upload writes it."""
    summary = models.TextField(blank=True)
    """One line about it, of its newest upload."""
    publisher = models.CharField(max_length=100, blank=True)
    """Who made its first upload: ``user <id>`` or ``credential <id>``."""
    listed = models.BooleanField(default=True)
    """Whether the project list shows it: it has files, here or upstream."""
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["repository", "name"], name="one_project_a_name"),
        ]


class UpstreamPage(models.Model):
    """What one upstream last said of one project, kept as one document."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="upstream_pages")
    upstream = models.ForeignKey(Upstream, models.CASCADE, related_name="pages")
    document = models.BinaryField(default=b"")
    """Packed by ``protocol.document``; empty: the upstream does not have the project."""
    digest = models.CharField(max_length=64, blank=True)
    """SHA-256 of the packed document."""
    etag = models.CharField(max_length=200, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    serial = models.BigIntegerField(null=True)
    changed = models.DateTimeField()
    """When the document last became another."""
    checked = models.DateTimeField()
    """When the upstream last confirmed it."""
    error = models.TextField(blank=True)
    """Why the last look-up failed; empty: it did not."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "upstream"], name="one_page_an_upstream"),
        ]
        # To tell how an upstream is, without a look at every document.
        indexes: ClassVar = [
            models.Index(fields=["upstream", "checked"]),
            models.Index(fields=["checked"], condition=~models.Q(error=""), name="pages_in_error"),
        ]


class Pass(models.Model):
    """A version of a project that somebody let through, whatever the rules say; or a name that he approved.

    It names the project, which may have no row yet.
    """

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="passes")
    project = models.CharField(max_length=200)
    """Normalised (PEP 503)."""
    version = models.CharField(max_length=200, blank=True)
    """Empty: all of them."""
    rule = models.CharField(max_length=20, blank=True)
    """The one rule that it lifts; empty: all of them."""
    until = models.FloatField(null=True)
    """Seconds since the epoch at which it ends; none: it does not."""
    reason = models.CharField(max_length=500)
    who = models.CharField(max_length=200, blank=True)
    knowing = models.JSONField(default=list)
    """The advisories that called the project malicious when it was given."""
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["repository", "project", "version", "rule"], name="one_pass_a_version"
            ),
        ]


class ShelvedPage(models.Model):
    """A rendered page, ready to be taken."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="pages")
    form = models.CharField(max_length=4)
    """``json`` or ``html``."""
    serial = models.BigIntegerField()
    """The project's serial that it was built from."""
    recipe = models.CharField(max_length=40)
    """How it was built; another recipe means another page."""
    good_from = models.FloatField(default=0)
    """Seconds since the epoch: before, when the clock was set back, it may have had other files."""
    good_until = models.FloatField(null=True)
    """Seconds since the epoch at which a verdict on it ends; none: it does not."""
    digest = models.CharField(max_length=64)
    """SHA-256 of the plain bytes."""
    body = models.BinaryField()
    """gzip."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "form"], name="one_page_a_form"),
        ]


class Blob(models.Model):
    """Bytes at rest: complete, verified, kept once however many files need them."""

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.BigIntegerField()
    name = models.CharField(max_length=300)
    """What the storage calls them."""
    created = models.DateTimeField(auto_now_add=True)
    last_used = models.FloatField(default=time.time, db_index=True)
    """Seconds since the epoch, to ten minutes or so: what was not used for longest makes room first."""


class Hold(models.Model):
    """A backup copies stored files: their bytes stay where they are. See ``catalog.holds``."""

    until = models.FloatField()
    """Seconds since the epoch at which it ends by itself, unless it is renewed."""


class File(models.Model):
    """A wheel or an sdist that was asked for, mirrored or uploaded. Others have no row."""

    class State(models.TextChoices):
        """What became of it."""

        LIVE = ""
        SUPERSEDED = "superseded"
        """Overwritten by an upload of the same name; its URL stays good."""
        DELETED = "deleted"
        """Gone, but its name is not free for other bytes."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="files")
    project = models.ForeignKey(Project, models.CASCADE, related_name="files")
    upstream = models.ForeignKey(Upstream, models.SET_NULL, null=True, related_name="files")
    filename = models.CharField(max_length=255)
    path = models.CharField(max_length=200)
    """``aa/bb/rest``, below ``packages/``."""
    sha256 = models.CharField(max_length=64, blank=True)
    """The first digest that was seen of it; it stays."""
    size = models.BigIntegerField(null=True)
    """In bytes, once anybody told."""
    announced = models.CharField(max_length=64, blank=True)
    """Another digest that its upstream announces under this name by now; those bytes are refused."""
    entry = models.JSONField()
    """What its upstream's page said of it, or its upload, as ``protocol.document`` packs an entry."""
    blob = models.ForeignKey(Blob, models.SET_NULL, null=True, related_name="files")
    state = models.CharField(max_length=10, choices=State.choices, default=State.LIVE, blank=True)
    pinned = models.BooleanField(default=False)
    """Its bytes were here once, verified, and went; under its name there are never going to be others."""
    gone = models.FloatField(null=True)
    """Since when its upstream has it no more, in seconds since the epoch; none: it has it, or has none."""
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["repository", "path", "filename"], name="one_file_a_url"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["repository"], condition=~models.Q(announced=""), name="files_swapped"),
            # What came last, of either kind, however many there are of the other.
            models.Index(
                fields=["repository", "state", "id"],
                condition=models.Q(upstream=None, blob__isnull=False),
                name="files_uploaded_last",
            ),
            models.Index(
                fields=["repository", "state", "id"],
                condition=models.Q(upstream__isnull=False, blob__isnull=False),
                name="files_mirrored_last",
            ),
        ]


class Attestations(models.Model):
    """What is to prove where a file was made (PEP 740), and what was found of it.

    It is shown to nobody before it has been verified.
    """

    class State(models.TextChoices):
        """What is known of them."""

        WAITING = "waiting"
        VERIFIED = "verified"
        INVALID = "invalid"

    file = models.OneToOneField(File, models.CASCADE, related_name="attestations")
    body = models.JSONField()
    """As it came: the list that was sent with an upload, or the provenance that an upstream tells."""
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    provenance = models.JSONField(null=True)
    """The provenance object that is served, once it is verified."""
    publisher = models.CharField(max_length=300, blank=True)
    """Who made the file, in words, once that is verified."""
    why = models.TextField(blank=True)
    """Why it is invalid."""


class CoreMetadata(models.Model):
    """The METADATA of a wheel, byte-exact."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, models.CASCADE, related_name="core_metadata")
    filename = models.CharField(max_length=255)
    path = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    body = models.BinaryField()
    """zlib."""
    licence = models.CharField(max_length=300, null=True)  # noqa: DJ001 -- none and empty are two things.
    """The SPDX expression that it tells, empty: none that a machine can read; none: nobody has looked."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["repository", "path", "filename"], name="one_metadata_a_url"),
        ]


class Readme(models.Model):
    """The description in a METADATA, rendered to safe HTML; see ``catalog.readmes``."""

    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 of the METADATA."""
    recipe = models.PositiveSmallIntegerField()
    html = models.TextField(blank=True)
    """Empty: it is shown as plain text."""


class Inspection(models.Model):
    """What is inside a file, and what is new in it, for whoever looks before he trusts it."""

    file = models.CharField(max_length=200)
    """SHA-256 of the file, or its path where no digest is known."""
    before = models.CharField(max_length=200, blank=True)
    """The same of the file of the release before it; empty: there is none."""
    report = models.JSONField()
    """As ``jobs.inspection_child`` makes it; empty: it could not be looked into."""
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["file", "before"], name="one_inspection_a_pair"),
        ]


class Event(models.Model):
    """One line of the journal: who did what to which file, when, from where.

    It names things as they were called then, so that it stays readable when they are gone.
    """

    at = models.DateTimeField()
    action = models.CharField(max_length=40)
    who = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=50, blank=True)
    repository = models.CharField(max_length=100, blank=True)
    project = models.CharField(max_length=200, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    """The file, release, network, credential … that it was done to."""
    detail = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["at", "id"]),
            models.Index(fields=["repository", "at", "id"]),
            models.Index(fields=["project", "at", "id"]),
            models.Index(fields=["who", "at", "id"]),
            models.Index(fields=["action", "at", "id"]),
        ]


class DownloadedFile(models.Model):
    """A file that was given out, by the names that it had then; it outlives the file itself."""

    repository = models.CharField(max_length=100)
    project = models.CharField(max_length=200)
    version = models.CharField(max_length=200, blank=True)
    """Normalised (PEP 440) where that can be; empty: its name does not tell."""
    path = models.CharField(max_length=200)
    """``aa/bb/rest``, below ``packages/``: of one name there may have been several files."""
    filename = models.CharField(max_length=255)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["repository", "project"])]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["repository", "path", "filename"], name="one_downloaded_file_a_url"
            ),
        ]


class Download(models.Model):
    """How often somebody was given a file on one day (UTC), and when last."""

    file = models.ForeignKey(DownloadedFile, models.CASCADE, related_name="downloads", db_index=False)
    day = models.DateField(db_index=True)
    username = models.CharField(max_length=150, blank=True)
    """Whose password or credential it was; empty: a machine's, or nobody's."""
    credential = models.CharField(max_length=64, blank=True)
    """The access key; empty: none was used."""
    address = models.CharField(max_length=50, blank=True)
    installer = models.CharField(max_length=20, blank=True)
    """What its user agent calls itself, out of a small set; see ``protocol.installers``."""
    amount = models.PositiveIntegerField()
    last = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["file", "day", "username", "credential", "address", "installer"],
                name="one_row_a_day_and_client",
            ),
        ]


class Job(models.Model):
    """Work that is done behind the request. The row is the truth; executors only ask for it."""

    class State(models.TextChoices):
        """A job that is done has no row any more."""

        WAITING = "waiting"
        RUNNING = "running"
        FAILED = "failed"

    name = models.CharField(max_length=50)
    key = models.CharField(max_length=200)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    priority = models.SmallIntegerField(default=0)
    """Lower ones first."""
    attempts = models.PositiveSmallIntegerField(default=0)
    run_after = models.FloatField(default=0)
    every = models.PositiveIntegerField(default=0)
    """Seconds after which a periodic job waits again; 0: it runs once."""
    worker = models.CharField(max_length=100, blank=True)
    lease_until = models.FloatField(default=0)
    error = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "priority", "run_after", "id"])]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(state="waiting"), name="one_waiting_job_a_key"
            ),
        ]


class Advisory(models.Model):
    """What OSV knows of malicious or vulnerable packages of PyPI, one record each."""

    name = models.CharField(max_length=100, unique=True)
    """Its id, such as ``MAL-2024-1`` or ``PYSEC-2024-60``."""
    modified = models.CharField(max_length=40)
    withdrawn = models.CharField(max_length=40, blank=True)
    """When it was taken back, as it says; empty: it holds."""
    malicious = models.BooleanField()
    severity = models.FloatField(null=True)
    """CVSS score; none: it tells none."""
    summary = models.CharField(max_length=500, blank=True)
    digest = models.CharField(max_length=64)
    """SHA-256 of the record as it came."""
    body = models.BinaryField()
    """The record; zlib."""


class AdvisedProject(models.Model):
    """A project that an advisory is about, and which versions of it."""

    advisory = models.ForeignKey(Advisory, models.CASCADE, related_name="projects")
    project = models.CharField(max_length=200)
    """Normalised (PEP 503); most of them no repository knows."""
    affected = models.JSONField()
    """As ``protocol.affected`` writes it."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "advisory"], name="one_row_an_advised_project"),
        ]


class Feed(models.Model):
    """Where advisories were last fetched from, and as what."""

    url = models.CharField(max_length=64, unique=True)
    """SHA-256 of the address, which may hold a password."""
    etag = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()


class HeldRelease(models.Model):
    """A version that somebody holds back by hand. It names the project, which may have no row yet."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="held")
    project = models.CharField(max_length=200)
    """Normalised (PEP 503)."""
    version = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    who = models.CharField(max_length=200, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["repository", "project", "version"], name="one_hold_a_version"),
        ]


class Alarm(models.Model):
    """A release that is or was here has turned out bad; somebody has to look at it.

    It names what it is about, so that it stays readable when that is gone.
    """

    repository = models.CharField(max_length=100)
    project = models.CharField(max_length=200)
    version = models.CharField(max_length=200, blank=True)
    """As its file names spell it; empty: the whole project."""
    cause = models.CharField(max_length=20)
    """``malicious``, ``vulnerable``, ``quarantined``, ``yanked``, ``deleted``, ``swapped`` or ``held``."""
    source = models.CharField(max_length=300, blank=True)
    """What says so: the advisory, the file."""
    sentence = models.CharField(max_length=1000)
    at = models.DateTimeField()
    closed = models.DateTimeField(null=True)
    """When somebody said that it is dealt with."""
    closed_by = models.CharField(max_length=200, blank=True)
    to_webhook = models.BooleanField(default=True)
    """Whether the webhook has still to be told of it."""
    to_mail = models.BooleanField(default=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["repository", "project"]),
            models.Index(fields=["-at", "-id"]),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["repository", "project", "version", "cause", "source"], name="one_alarm_a_cause"
            ),
        ]
