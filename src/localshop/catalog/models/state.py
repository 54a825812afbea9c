"""What there is one of: the generation of rights, and the moment by which old things are forgotten."""

from __future__ import annotations

from django.db import models


class State(models.Model):
    """One row. ``access``: the generation of everything that decides who may come in."""

    access = models.BigIntegerField(default=1)
    tidied = models.FloatField(default=0)
    """Seconds since the epoch: when it was last looked for what is too old to be kept."""
