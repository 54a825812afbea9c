"""Repositories: where they read from, and who may come in from where."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


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
