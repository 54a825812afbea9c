"""Projects: what is known of them, and their pages."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .repositories import Repository, Upstream


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
