"""What the judge is told beside the rules: passes, advisories, held releases; and alarms."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .repositories import Repository


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
