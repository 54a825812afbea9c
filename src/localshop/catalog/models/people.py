"""People and machines: accounts, teams, credentials."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models

from .repositories import Repository


class User(AbstractUser):
    """A person. ``is_superuser`` is the administrator."""


class FailedTry(models.Model):
    """A wrong password, of an account or from an address; kept for minutes, to limit guessing."""

    key = models.CharField(max_length=60)
    at = models.FloatField()
    """Seconds since the epoch."""

    class Meta:
        indexes: ClassVar = [models.Index(fields=["key", "at"]), models.Index(fields=["at"])]


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
