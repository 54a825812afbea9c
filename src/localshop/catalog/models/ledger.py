"""What has happened: the journal, and the downloads."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


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
