"""Files, their bytes, and what was found in them."""

from __future__ import annotations

import time
from typing import ClassVar

from django.db import models

from .projects import Project
from .repositories import Repository, Upstream


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
