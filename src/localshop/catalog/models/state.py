"""The generation of everything that decides who may come in, and what is judged by."""

from __future__ import annotations

from django.db import models


class State(models.Model):
    """One row: the generation of everything that decides who may come in."""

    access = models.BigIntegerField(default=1)
