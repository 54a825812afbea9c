"""Work that is done behind requests."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


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
    doubted = models.BooleanField(default=False)
    """It has run out once, and was made longer by somebody who waits for a sign of life."""
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
